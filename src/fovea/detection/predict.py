"""Detections in files, and pictures of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fovea import images
from fovea.data import listing
from fovea.detection import output
from fovea.detection.detect import detect
from fovea.detection.detections import Detections
from fovea.errors import DataError, OutOfMemoryError, mismatch, reason
from fovea.files import expanded
from fovea.images.marking import class_colours, marked
from fovea.names import file_name
from fovea.network import Network
from fovea.network.soundness import check_picture
from fovea.training.trained import class_names


@dataclass(frozen=True, eq=False)
class Found:
    """The detections in a picture file, at its place below the folder that was named; `picture` is uint8
    (H, W, 3). Without a picture, `error` says why it cannot be read."""

    file: str
    place: Path
    picture: np.ndarray | None
    detections: Detections
    error: str | None = None


def predict(
    network: Network,
    places: Iterable[str],
    threshold: float,
    *,
    tiled: bool = False,
    progress: Callable[[int, int], object] = lambda done, total: None,
    note: Callable[[str], object] = lambda line: None,
) -> Iterator[Found]:
    """The detections with scores of at least `threshold` in each picture, in order: those named, and all
    below the folders named. `note` receives a line about skipped files; `progress(done, total)` counts
    pictures; `tiled` as for `detect`. Raises DataError for a network whose outputs are not finite."""
    files = [item for place in places for item in _files(place, note)]
    for number, (file, place, error) in enumerate(files, start=1):
        try:
            if error:
                raise DataError(error)
            picture = images.read(file, channels=3)
            (found,) = detect(network, [picture], threshold, tiled=tiled)
            if not len(found):
                _check_finite(network, picture, file)
            yield Found(file, place, picture, found)
        except (DataError, OutOfMemoryError) as unreadable:
            yield Found(file, place, None, Detections.none(), reason(unreadable, file))
        progress(number, len(files))


def drawn(found: Found, classes: list[str]) -> np.ndarray:
    """The picture with its boxes, uint8 (H, W, 3)."""
    assert found.picture is not None
    colours, one = class_colours(len(classes)), found.detections
    labels = [f"{classes[int(c)]} {score:.0%}" for c, score in zip(one.classes, one.scores, strict=True)]
    return marked(found.picture, one.corners, [colours[int(c)] for c in one.classes], labels)


def write(
    found: Found,
    network: Network,
    folder: Path | None = None,
    txt: Path | None = None,
    crops: Path | None = None,
) -> None:
    """Write a picture with its boxes into `folder`, YOLO's lines into `txt`, and the part in each box into
    `crops`, by class; all at the picture's place, and none over a file that exists. Raises DataError."""
    if found.picture is None:
        return
    classes, one = class_names(network), found.detections
    if folder is not None:
        ending = found.place.suffix if found.place.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        path = _free(folder / found.place.with_suffix(ending))
        images.write(path, drawn(found, classes))
    if txt is not None:
        lines = output.yolo_lines(one, *found.picture.shape[:2])
        _free(txt / found.place.with_suffix(".txt")).write_text(lines)
    if crops is not None:
        for number, (part, c) in enumerate(
            zip(output.crops(found.picture, one), one.classes, strict=True), 1
        ):
            place = Path(file_name(classes[int(c)]) or f"class{int(c)}") / found.place
            images.write(_free(crops / place.with_name(f"{place.stem}-{number}.png")), part)


def _free(path: Path) -> Path:
    """The path, in a folder that exists. Raises DataError if there is a file."""
    if path.exists():
        raise DataError(mismatch(str(path), "a new file", "one that exists", "choose another folder"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _files(place: str, note: Callable[[str], object]) -> list[tuple[str, Path, str | None]]:
    """The pictures at `place`, each with its place below it, and the error if one is known already."""
    root = expanded(place)
    try:
        files = listing.collect(place, note)
    except DataError as error:
        return [(str(root), Path(root.name), reason(error, str(root)))]
    base = root if root.is_dir() else root.parent
    return [(file, Path(file).relative_to(base), None) for file in files]


def _check_finite(network: Network, picture: np.ndarray, file: str) -> None:
    """Raise DataError, which names the layer, for outputs that are not finite: they find nothing."""
    H, W, C = network.input_shape
    check_picture(network, images.fit(picture[None], (H, W), C, network.preprocessing.crop)[0], file)

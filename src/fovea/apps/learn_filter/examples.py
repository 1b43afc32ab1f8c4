"""Pictures with their filtered versions, computed with a known filter or read from a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fovea import functional, images
from fovea.data import listing
from fovea.errors import DataError, mismatch
from fovea.files import expanded
from fovea.names import same

Note = Callable[[str], object]
MOST_PICTURES = 64
SIDE = 384  # most rows and columns of the part of a picture that is used


@dataclass(frozen=True)
class Filtered:
    """Parts of pictures (H, W, C), 0 to 1, and their filtered versions (H − f + 1, W − f + 1, T).

    cut_off: True if the targets were clipped to 0 … 1. bad: file → why it could not be used.
    """

    pictures: list[np.ndarray] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)
    cut_off: bool = False
    bad: dict[str, str] = field(default_factory=dict)

    @property
    def certain(self) -> list[np.ndarray]:
        """The targets, with NaN where they may have been clipped."""
        if not self.cut_off:
            return self.targets
        return [np.where((T == 0) | (T == 1), np.float32(np.nan), T) for T in self.targets]


def by_filter(
    places: Sequence[str],
    W: np.ndarray,
    rng: np.random.Generator,
    note: Note = lambda line: None,
) -> Filtered:
    """The pictures in grey, and W ∗ picture for W (f, f, 1, T). Raises DataError if no picture is usable."""
    size = len(W)

    def read(file: Path, root: Path) -> tuple[np.ndarray, np.ndarray]:
        picture = images.read(file, channels=1)
        top, left, height, width = _part(file, picture, size, rng)
        part = picture[top : top + height, left : left + width] / np.float32(255)
        return part, functional.conv2d(part[np.newaxis], W, None)[0]

    return _read(places, None, read, rng, note)


def by_folder(
    places: Sequence[str],
    targets: Path,
    size: int,
    rng: np.random.Generator,
    note: Note = lambda line: None,
) -> Filtered:
    """The pictures, and those of the same names in `targets`, in any format.

    A target is as large as its picture, or smaller by the border of a filter of `size`. If one picture is
    coloured, all get three channels; likewise the targets. A picture without a target is skipped. Raises
    DataError if none has one, and for a target of another size.
    """

    def read(file: Path, root: Path) -> tuple[np.ndarray, np.ndarray]:
        picture, target_file = images.read(file), _target_file(file, root, targets)
        target = images.read(target_file)
        top, left, height, width = _part(file, picture, size, rng)
        H, W = picture.shape[:2]
        border = {(H, W): size // 2, (H - size + 1, W - size + 1): 0}.get(target.shape[:2])
        if border is None:
            got = "×".join(map(str, target.shape[:2]))
            raise _WrongSize(mismatch(f"target {target_file}", f"{H}×{W} pixels as {file}", got))
        inner = target[top + border :, left + border :][: height - size + 1, : width - size + 1]
        part = picture[top : top + height, left : left + width]
        return part / np.float32(255), inner / np.float32(255)

    examples = _read(places, targets, read, rng, note)
    return Filtered(_equal_channels(examples.pictures), _equal_channels(examples.targets), True, examples.bad)


class _WrongSize(DataError):
    """An error that ends reading; a picture with any other DataError is skipped."""


def _read(
    places: Sequence[str],
    targets: Path | None,
    read: Callable[[Path, Path], tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    note: Note,
) -> Filtered:
    """At most MOST_PICTURES of the pictures, drawn with `rng`."""
    files = list(dict.fromkeys(item for place in places for item in _files(place, targets, note)))
    result = Filtered()
    for number in rng.permutation(len(files)):
        try:
            picture, target = read(*files[number])
        except _WrongSize:
            raise
        except DataError as error:
            result.bad[str(files[number][0])] = str(error)
            continue
        result.pictures.append(picture)
        result.targets.append(target)
        if len(result.pictures) == MOST_PICTURES:
            break
    if not result.pictures:
        raise DataError(next(iter(result.bad.values())))
    return result


def _files(place: str, without: Path | None, note: Note) -> list[tuple[Path, Path]]:
    """Each picture at `place` outside the folder `without`, with the folder that it is relative to."""
    path = expanded(place)
    if not path.is_dir():
        return [(path, path.parent)]
    excluded = without.resolve() if without else None
    files = [Path(file) for file in listing.collect(path, note)]
    files = [(file, path) for file in files if excluded not in file.resolve().parents]
    if not files:
        raise DataError(mismatch(str(path), "pictures outside the folder of targets", "none"))
    return files


def _target_file(file: Path, root: Path, targets: Path) -> Path:
    """The picture in `targets` with the name of `file`, at its relative path or directly in `targets`."""
    for name in dict.fromkeys((file.relative_to(root), Path(file.name))):
        path = targets / name
        candidates = sorted(
            p for p in path.parent.glob("*") if images.is_picture(p) and same(p.stem) == same(file.stem)
        )
        if candidates:
            return path if path in candidates else candidates[0]
    raise DataError(
        mismatch(f"targets {targets}", f"the filtered version of {file}", "no picture of its name")
    )


def _part(file: Path, picture: np.ndarray, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a random part of at most SIDE×SIDE pixels."""
    H, W = picture.shape[:2]
    if min(H, W) <= size:
        expected = f"at least {size + 1}×{size + 1} pixels for a filter of {size}×{size}"
        raise DataError(mismatch(str(file), expected, f"{H}×{W}"))
    height, width = min(H, SIDE), min(W, SIDE)
    return int(rng.integers(H - height + 1)), int(rng.integers(W - width + 1)), height, width


def _equal_channels(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The arrays with the largest number of channels among them; grey is repeated."""
    channels = max(array.shape[2] for array in arrays)
    return [np.repeat(a, channels, axis=2) if a.shape[2] < channels else a for a in arrays]

"""What a trained network sees in pictures, as PNG files and one page that opens without a network connection.

report.html             all of it
filters/<layer>.png     what the convolutions have learned
<picture>/              for each picture: picture.png, input.png, saliency.png, grad_cam.png, occlusion.png,
                        fields/<layer>.png and maps/<layer>.png
data/                   with a data set: pca.png, tsne.png, confused/<class>-<predicted>.png
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import fovea
from fovea import images, seeing
from fovea.apps.inspect import explanation, layers, render, report
from fovea.apps.inspect.data_set import overview
from fovea.classification.measuring import Material, material, measure
from fovea.errors import DataError, mismatch, reason
from fovea.files import expanded
from fovea.names import class_name as named
from fovea.names import file_name
from fovea.network import Network
from fovea.network.soundness import check_picture
from fovea.training.evaluation_set import Choice
from fovea.training.run_folder import Folder
from fovea.training.trained import class_names, classifier, trained

Progress = Callable[[int, int], object]
SHOWN = 480  # the longer side of a picture in the report, in pixels


@dataclass(frozen=True)
class Inspection:
    """Where it was written, what the network said to each picture, and why others could not be read."""

    folder: Folder
    report: Path
    answers: dict[str, tuple[str, float]]  # file → class, its probability; nothing where there are no classes
    bad: dict[str, str]  # file → why
    choice: Choice | None  # of the data set's pictures


def inspect(
    model: str,
    files: Sequence[str],
    *,
    layer: str | None = None,
    unit: tuple[int, ...] | None = None,
    class_name: str | None = None,
    source: str | None = None,
    out: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Inspection:
    """Look at what `model` sees in pictures, and write it to a folder. Of a network that does not end in
    classes it is maps, fields and filters.

    `layer` is the one for Grad-CAM (by default the last convolution) and is shown whole; `unit`, its (row,
    column) there, is the one whose receptive field is drawn. `class_name` is the class that is explained, by
    default the likeliest of each picture. `source` names a data set to see as a whole.
    `progress(done, total)` counts patches and pictures. Raises FoveaError, before anything is
    written, for what does not exist.
    """
    classes_needed = class_name is not None or source is not None
    network = classifier(model) if classes_needed else trained(model)
    _check(network, model, layer, unit)
    names = class_names(network) if network.ends_in_classes else []
    number = None if class_name is None else _number(names, class_name)
    data = None if source is None else material(network, model, source)
    read, bad = _read(network, files)
    for file, picture in read.items():
        check_picture(network, picture.pixels, file)
    if out:
        Folder.check_free(out)
    measured = None if data is None else measure(network, data, progress)
    folder = Folder.create_at(out) if out else Folder.create("classify", "inspect")
    page, title = folder.path / "report.html", f"What {Path(model).name} sees"
    made_by = f"Made by Fovea {fovea.__version__}."
    answers, sections = {}, []
    with folder.writing():
        # what `data.listing` knows the folder by, before there is a picture in it
        (folder.path / "filters").mkdir()
        report.write(page, title, ["It is not finished."], [], made_by)
        for place, (file, picture) in zip(_places(read), read.items(), strict=True):
            passage = seeing.pass_through(network, picture.pixels)
            explained = number
            if names:
                p = passage.probabilities
                best = int(p.argmax())
                answers[file] = names[best], float(p[best])
                explained = best if number is None else number
            sight = explanation.Sight(passage, names, picture, explained, layer, unit, folder.path / place)
            sections.append(_one(sight, progress))
        sections.append(layers.filters(network, layer, folder.path / "filters"))
        if data is not None and measured is not None:
            sections += overview(network, names, data, measured, folder.path / "data")
        words = [layers.facts(network), *_words(data)]
        words += [f"{file} could not be read: {why}." for file, why in bad.items()]
        report.write(page, title, words, sections, made_by)
    return Inspection(folder, page, answers, bad, data.choice if data else None)


def check_unit(unit: str | None) -> tuple[int, ...] | None:
    """ROW,COLUMN, or one number where the layer has no rows. Raises DataError for another text."""
    if unit is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})?", unit.replace(" ", "")):
        raise DataError(mismatch("unit", "ROW,COLUMN as in 3,4", repr(unit)))
    return tuple(map(int, unit.split(",")))


def _words(data: Material | None) -> list[str]:
    """Which pictures of the data set are shown."""
    return [f"{line}." for line in (data.choice.described, *data.choice.warnings)] if data else []


def _check(network: Network, model: str, layer: str | None, unit: Sequence[int] | None) -> None:
    shape = network.input_shape
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise DataError(mismatch(f"model {model}", "a network of pictures (H, W, 1) or (H, W, 3)", shape))
    if layer is not None:
        seeing.checked_position(network, layer, unit, "inspect")
    elif unit is not None:
        raise DataError(mismatch("unit", "the layer that it is in", "none", "name it with --layer"))


def _number(names: Sequence[str], class_name: str) -> int:
    if named(class_name) not in names:
        raise DataError(mismatch("class", f"one of {', '.join(names)}", repr(class_name)))
    return names.index(named(class_name))


def _read(network: Network, files: Sequence[str]) -> tuple[dict[str, explanation.Read], dict[str, str]]:
    """File → the picture, and file → why it cannot be read."""
    (height, width, channels), read, bad = network.input_shape, {}, {}
    for file in dict.fromkeys(str(expanded(file)) for file in files):
        try:
            H, W, _ = images.inspect(file)
            pixels = images.read(file, (height, width), channels)
            photo = render.shown(images.read(file, render.within((H, W), SHOWN)), SHOWN)
            read[file] = explanation.Read(file, (H, W), pixels, photo)
        except DataError as why:
            bad[file] = reason(why, file)
    if not read:
        raise DataError("; ".join(f"{file}: {why}" for file, why in bad.items()))
    return read, bad


def _places(files: Iterable[str]) -> list[str]:
    """A folder's name for each file, no two alike however letters are written, and none that others have."""
    taken, places = {"filters", "data", "report.html"}, []
    for file in files:
        stem = file_name(Path(file).stem) or "picture"
        place, number = stem, 1
        while place.lower() in taken:
            number += 1
            place = f"{stem}-{number}"
        taken.add(place.lower())
        places.append(place)
    return places


def _one(sight: explanation.Sight, progress: Progress) -> report.Section:
    """All that is said about one picture."""
    parts = [explanation.answer(sight), layers.fields(sight), layers.maps(sight)]
    if sight.number is not None:
        parts.insert(1, explanation.importance(sight, progress))
    return report.Section(sight.picture.name, sections=parts)

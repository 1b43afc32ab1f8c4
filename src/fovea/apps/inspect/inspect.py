"""The report of `fovea inspect`: PNG files, and one page that needs no network connection.

report.html             the page
filters/<layer>.png     the filters of the convolutions
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
from fovea.classification.measuring import Measured, material, measure
from fovea.errors import DataError, mismatch, reason
from fovea.files import expanded
from fovea.names import class_name as named
from fovea.names import file_name
from fovea.network import Network, runner
from fovea.network.soundness import check_picture
from fovea.seeing.occlusion import BATCH
from fovea.training.evaluation_set import Choice
from fovea.training.run_folder import Folder
from fovea.training.trained import class_names, classifier, trained

Progress = Callable[[int, int], object]
SHOWN = 480  # the longer side of a picture in the report, in pixels


@dataclass(frozen=True)
class Inspection:
    """The folder and the page, the prediction for each picture, and the unreadable pictures."""

    folder: Folder
    report: Path
    answers: dict[str, tuple[str, float]]  # file → class, its probability; empty without classes
    bad: dict[str, str]  # file → why it could not be read
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
    """Write a report on what `model` sees in pictures. For a network that does not end in classes it has
    maps, fields and filters only.

    `layer` is the layer for Grad-CAM (by default the last convolution), and all of its maps are shown;
    `unit`, its (row, column) there, is the one whose receptive field is drawn. `class_name` is the class to
    explain, by default the likeliest of each picture. `source` names a data set to show as a whole.
    `progress(done, total)` counts compiled kernels, pictures and patches. Raises FoveaError, before anything
    is written.
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

    def compiling(done: int, total: int, what: str) -> None:
        progress(done, total)

    runner.compile_layers(network, compiling)
    if names:  # the predictions of occlusion
        for size in (1, BATCH):
            runner.plan(network, size, progress=compiling)
    measured = None if data is None else measure(network, data, progress)
    folder = Folder.create_at(out) if out else Folder.create("classify", "inspect")
    page, title = folder.path / "report.html", f"What {Path(model).name} sees"
    made_by = f"Made by Fovea {fovea.__version__}."
    answers, sections = {}, []
    with folder.writing():
        # Before there is a picture in the folder: `data.listing` recognises it by these.
        (folder.path / "filters").mkdir()
        report.write(page, title, ["This report is not finished."], [], made_by)
        for name, (file, picture) in zip(_folder_names(read), read.items(), strict=True):
            passage = seeing.pass_through(network, picture.pixels)
            explained = number
            if names:
                p = passage.probabilities
                best = int(p.argmax())
                answers[file] = names[best], float(p[best])
                explained = best if number is None else number
            subject = explanation.Subject(passage, names, picture, explained, layer, unit, folder.path / name)
            sections.append(_picture_section(subject, progress))
        sections.append(layers.filters(network, layer, folder.path / "filters"))
        if data is not None and measured is not None:
            sections += overview(network, names, data, measured, folder.path / "data")
        words = [layers.facts(network), *_words(measured)]
        words += [f"{file} could not be read: {why}." for file, why in bad.items()]
        report.write(page, title, words, sections, made_by)
    return Inspection(folder, page, answers, bad, measured.choice if measured else None)


def check_unit(unit: str | None) -> tuple[int, ...] | None:
    """The position in ROW,COLUMN, or one number for a layer without rows. Raises DataError."""
    if unit is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})?", unit.replace(" ", "")):
        raise DataError(mismatch("unit", "ROW,COLUMN as in 3,4", repr(unit)))
    return tuple(map(int, unit.split(",")))


def _words(measured: Measured | None) -> list[str]:
    """Sentences on the pictures of the data set."""
    if measured is None:
        return []
    return [f"{line}." for line in (measured.choice.described, *measured.choice.warnings)]


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
            pixels = images.read(file, (height, width), channels, network.preprocessing.crop)
            photo = render.shown(images.read(file, render.within((H, W), SHOWN)), SHOWN)
            read[file] = explanation.Read(file, (H, W), pixels, photo)
        except DataError as why:
            bad[file] = reason(why, file)
    if not read:
        raise DataError("; ".join(f"{file}: {why}" for file, why in bad.items()))
    return read, bad


def _folder_names(files: Iterable[str]) -> list[str]:
    """A folder name for each file; all differ, also in lower case, and none is reserved."""
    used, names = {"filters", "data", "report.html"}, []
    for file in files:
        stem = file_name(Path(file).stem) or "picture"
        name, number = stem, 1
        while name.lower() in used:
            number += 1
            name = f"{stem}-{number}"
        used.add(name.lower())
        names.append(name)
    return names


def _picture_section(subject: explanation.Subject, progress: Progress) -> report.Section:
    """The section on one picture."""
    parts = [explanation.answer(subject), layers.fields(subject), layers.maps(subject)]
    if subject.number is not None:
        parts.insert(1, explanation.importance(subject, progress))
    return report.Section(subject.picture.name, sections=parts)

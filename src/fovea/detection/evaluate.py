"""Measuring a trained detector on pictures with boxes, written to a folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fovea.detection import data, mistakes
from fovea.detection.answers import answers
from fovea.detection.dataset import Boxed
from fovea.detection.detect import check_detector
from fovea.detection.formats.labels import BAD_LABELS, Labelled
from fovea.detection.measuring import COLUMNS, measure
from fovea.detection.mistakes import Mistake
from fovea.detection.task import Detection
from fovea.detection.train import source_of
from fovea.errors import DataError, mismatch
from fovea.network import Network, runner
from fovea.training.evaluation_set import Choice, choose, class_numbers
from fovea.training.run_folder import Folder
from fovea.training.trained import arguments_of, class_names, record_of, trained

BATCH = 8


@dataclass(frozen=True)
class Evaluation:
    """The result: `metrics` as in metrics.json; every mistake, with the files by number; the data; which of
    its pictures were measured; the pictures that could not be read; and the folder with the figures."""

    metrics: dict[str, Any]
    mistakes: list[Mistake]
    files: list[str]
    labelled: Labelled
    choice: Choice
    bad: dict[str, str]
    folder: Folder


def evaluate(
    model: str,
    source: str,
    *,
    format: str | None = None,
    threshold: float | None = None,
    precision: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Evaluation:
    """Measure the detector `model` on the pictures and boxes at `source`: those of test, or those that its
    run did not have.

    `threshold` is by default the model's own. Writes metrics.json, mistakes.csv and figures to `out`, or to a
    new folder in `runs/detect`. `progress(done, total)` counts pictures. Raises FoveaError.
    """
    network = trained(model, precision)
    check_detector(network)
    if out:
        Folder.check_free(out)
    record = record_of(model)
    labelled = _numbered(data.read(source, format, record=record, draw=False), network, source)
    splits = data.splits(labelled, network.input_shape[:2])
    choice = choose(splits, record, model)
    parts = [part for part in choice.parts if isinstance(part, Boxed)]
    total, classes = sum(map(len, parts)), class_names(network)
    plan = runner.plan(network, BATCH)
    found = answers(plan, parts, BATCH, lambda done: progress(done, total))
    if len(splits.bad) >= total:
        raise DataError(mismatch(f"data {splits.name}", "pictures that can be read", f"none among {total}"))
    measured = measure(*found, classes, network.facts.get("threshold") if threshold is None else threshold)
    seed = arguments_of(model).get("seed")
    metrics = {"split": choice.name, **measured.metrics, "seed": seed}
    source_pictures = source_of(parts)
    files, made = source_pictures.files, measured.mistakes

    folder = Folder.create_at(out) if out else Folder.create(Detection.name, "evaluate")
    with folder.writing():
        folder.write_json(folder.metrics, metrics)
        folder.write_table(folder.path / "per_class.csv", COLUMNS, measured.rows())
        folder.write_table(
            folder.path / "mistakes.csv", mistakes.COLUMNS, mistakes.rows(made, files, classes)
        )
        folder.write_bad_images(splits.bad)
        if labelled.bad:
            labelled.write_bad_labels(folder.path / BAD_LABELS)
    measured.draw(folder.path, *found, classes, source_pictures)
    return Evaluation(metrics, made, list(files), labelled, choice, splits.bad, folder)


def _numbered(labelled: Labelled, network: Network, source: str) -> Labelled:
    """The data with the network's numbers of its classes."""
    classes = class_names(network)
    numbers = class_numbers(labelled.classes, classes, source)
    parts = {
        part: [
            replace(picture, boxes=replace(picture.boxes, classes=numbers[picture.boxes.classes]))
            for picture in pictures
        ]
        for part, pictures in labelled.parts.items()
    }
    return replace(labelled, classes=classes, parts=parts)

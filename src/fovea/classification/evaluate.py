"""The evaluation of a trained classifier, written to a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fovea.classification import figures
from fovea.classification.learning_curve import COLUMNS, Point, learning_curve, rows
from fovea.classification.measuring import Material, Measured, Mistakes, material, measure
from fovea.classification.task import Classification
from fovea.training.evaluation_set import Choice
from fovea.training.run_folder import Folder
from fovea.training.trained import class_names, classifier

SHOWN = 30  # of the worst mistakes


@dataclass(frozen=True)
class Evaluation:
    """The result: `metrics` as in metrics.json, the `choice` of pictures, the mistakes, `bad` (file → why it
    could not be read), and the folder. learned: the number of training
    pictures of each class that could be read, None if unknown. curve: the points of the learning curve, if
    asked for."""

    metrics: dict[str, Any]
    choice: Choice
    mistakes: Mistakes
    bad: dict[str, str]
    folder: Folder
    learned: dict[str, int] | None
    curve: Sequence[Point] = ()


def evaluate(
    model: str,
    source: str,
    *,
    flips: bool = False,
    curve: bool = False,
    precision: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Evaluation:
    """Measure `model` on pictures at `source`, and write the results to a folder.

    The pictures are chosen by `evaluation_set.choose`. With `flips`, predictions are the mean over each
    picture and its mirror image. With `curve`, learning_curve.csv and .png have the accuracy that fewer
    training pictures would have given. `precision` is by default the model's. `progress(done, total)` counts
    pictures. Raises FoveaError.
    """
    network = classifier(model, precision)
    pictured = material(network, model, source)
    if out:
        Folder.check_free(out)
    measured = measure(network, pictured, progress, flips)
    points = learning_curve(network, model, pictured, lambda _, *at: progress(*at)) if curve else []
    folder = Folder.create_at(out) if out else Folder.create(Classification.name, "evaluate")
    with folder.writing():
        _write(folder, measured, pictured, class_names(network))
        if points:
            folder.write_table(folder.path / "learning_curve.csv", COLUMNS, rows(points))
            shown = [(point.pictures, *row[2:]) for point, row in zip(points, rows(points), strict=True)]
            figures.learning_curve(folder.path / "learning_curve.png", shown)
    bad = pictured.splits.bad
    return Evaluation(
        measured.metrics, measured.choice, measured.mistakes, bad, folder, pictured.learned, points
    )


def _write(folder: Folder, measured: Measured, pictured: Material, classes: Sequence[str]) -> None:
    wrong = measured.mistakes
    folder.write_json(folder.metrics, {**measured.metrics, "training_pictures": pictured.learned})
    folder.write_bad_images(pictured.splits.bad)
    folder.write_json(folder.path / "confused.json", wrong.pairs())
    certain = [f"{p:.4f}" for p in wrong.probability]
    rows = zip(wrong.files, wrong.true, wrong.predicted, certain, strict=True)
    folder.write_table(folder.path / "mistakes.csv", ("file", "class", "predicted", "probability"), rows)
    figures.confusion_matrix(folder.path / "confusion_matrix.png", measured.confusion, classes)
    if len(measured.wrong):
        shown = list(zip(wrong.true, wrong.predicted, wrong.probability, strict=True))[:SHOWN]
        figures.mistakes(folder.path / "worst_mistakes.png", pictured.read(measured.wrong[:SHOWN]), shown)

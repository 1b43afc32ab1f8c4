"""How good a trained network is on some data, and where it goes wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fovea import charts
from fovea.classification.measuring import Material, Measured, Mistakes, material, measure
from fovea.classification.task import Classification
from fovea.training.evaluation_set import Choice
from fovea.training.run_folder import Folder
from fovea.training.trained import class_names, classifier

SHOWN = 30  # of the worst mistakes


@dataclass(frozen=True)
class Evaluation:
    """What was found: `metrics` as in metrics.json, which pictures were measured, `bad` (file → why it is
    unreadable), where it lies."""

    metrics: dict[str, Any]
    choice: Choice
    mistakes: Mistakes
    bad: dict[str, str]
    folder: Folder


def evaluate(
    model: str,
    source: str,
    *,
    flips: bool = False,
    precision: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Evaluation:
    """Measure `model` on the pictures that `source` names, and write what was found to a folder.

    Which of them it takes, `choosing.choose` says. With `flips`, answers are the mean over each
    picture and its mirror image. `precision` is the model's unless given. `progress(done, total)` counts
    pictures. Raises FoveaError.
    """
    network = classifier(model, precision)
    pictured = material(network, model, source)
    if out:
        Folder.check_free(out)
    found = measure(network, pictured, progress, flips)
    folder = Folder.create_at(out) if out else Folder.create(Classification.name, "evaluate")
    with folder.writing():
        _write(folder, found, pictured, class_names(network))
    return Evaluation(found.metrics, pictured.choice, found.mistakes, pictured.splits.bad, folder)


def _write(folder: Folder, found: Measured, pictured: Material, classes: Sequence[str]) -> None:
    wrong = found.mistakes
    folder.write_json(folder.metrics, found.metrics)
    folder.write_bad_images(pictured.splits.bad)
    folder.write_json(folder.path / "confused.json", wrong.pairs())
    certain = [f"{p:.4f}" for p in wrong.probability]
    rows = zip(wrong.files, wrong.true, wrong.predicted, certain, strict=True)
    folder.write_table(folder.path / "mistakes.csv", ("file", "class", "predicted", "probability"), rows)
    charts.confusion_matrix(folder.path / "confusion_matrix.png", found.confusion, classes)
    if len(found.wrong):
        shown = list(zip(wrong.true, wrong.predicted, wrong.probability, strict=True))[:SHOWN]
        charts.mistakes(folder.path / "worst_mistakes.png", pictured.read(found.wrong[:SHOWN]), shown)

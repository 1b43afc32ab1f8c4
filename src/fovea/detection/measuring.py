"""Everything that is measured of a detector's answers, from one matching."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fovea.detection import figures
from fovea.detection.average_precision import of_matches
from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.matching import MOST, match
from fovea.detection.metrics import at_threshold, best_threshold
from fovea.detection.mistakes import Mistake, confusion, mistakes

SHOWN = 4  # pictures of predictions
COLUMNS = ("class", "boxes", "AP50-95", "AP50", "AP75", "precision", "recall", "F1")


@dataclass(frozen=True, eq=False)
class Measured:
    """The result. metrics: as in metrics.json, average precision, and precision, recall and F1 at the
    `threshold`. mistakes: all at that threshold, the worst first. confusion: int (classes + 1, classes + 1),
    background last. precision: float64 (101, classes), by recall at an IoU of ½."""

    metrics: dict[str, Any]
    threshold: float
    mistakes: list[Mistake]
    confusion: np.ndarray
    precision: np.ndarray

    def rows(self) -> list[tuple]:
        """A row with COLUMNS per class; what is undefined is empty."""
        per_class = self.metrics["per_class"].items()
        return [(name, *("" if row[c] is None else row[c] for c in COLUMNS[1:])) for name, row in per_class]

    def draw(
        self,
        folder: Path,
        truth: Sequence[Boxes],
        found: Sequence[Detections],
        classes: Sequence[str],
        source: figures.Read,
    ) -> None:
        """Draw precision_recall.png, confusion_matrix.png, predictions.png, and, if there are mistakes,
        worst_mistakes.png."""
        at = self.metrics["precision"], self.metrics["recall"]
        chosen = None if None in at else (self.threshold, *at)
        figures.precision_recall(folder / "precision_recall.png", self.precision, classes, chosen)
        figures.confusion_matrix(folder / "confusion_matrix.png", self.confusion, classes)
        if self.mistakes:
            figures.worst_mistakes(folder / "worst_mistakes.png", self.mistakes, classes, source)
        filled = np.flatnonzero([len(true) > 0 for true in truth])
        if len(filled):
            shown = np.unique(filled[np.linspace(0, len(filled) - 1, SHOWN).round().astype(int)]).tolist()
            sure = [one.above(self.threshold) for one in found]
            figures.predictions(folder / "predictions.png", shown, truth, sure, classes, source)


def measure(
    truth: Sequence[Boxes],
    found: Sequence[Detections],
    classes: Sequence[str],
    threshold: float | None = None,
    most: int = MOST,
) -> Measured:
    """Measure the detections `found` in each picture, whose true boxes are `truth`: all of them for average
    precision; for the rest, those with a score of at least `threshold`, by default that of the best F1."""
    matches = match(truth, found, len(classes), most)
    average = of_matches(matches, len(truth), most)
    if threshold is None:
        threshold = best_threshold(matches)
    metrics, at = average.metrics(classes), at_threshold(matches, threshold, classes)
    per_class = {name: row | at["per_class"][name] for name, row in metrics["per_class"].items()}
    wrong = mistakes(truth, found, matches, threshold)
    return Measured(
        metrics={**metrics, **at, "per_class": per_class},
        threshold=threshold,
        mistakes=wrong,
        confusion=confusion(matches, wrong, threshold),
        precision=average.precision[0, 0],
    )

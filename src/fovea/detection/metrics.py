"""Precision, recall and F1 of a detector, and the threshold that balances them.

Of the detections with a score of at least s, TP match a box at an IoU of at least ½, and FP match none; n
boxes are to be found.

    P = TP / (TP + FP)        R = TP / n        F1 = 2PR / (P + R) = 2 TP / (TP + FP + n)               (1)

Below its threshold a detector's boxes are not shown. Recall rises as the threshold falls, precision tends to
fall, and F1 is highest in between, where the threshold is set:

    s = (s₁ + s₀) / 2, for F1 is highest with the detections down to the score s₁; s₀ is the next lower (2)

A detection counts as right by COCO's matching, which a threshold does not change, as higher scores choose
first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fovea.detection.matching import Matches


class Curve(NamedTuple):
    """Precision, recall and F1, float64 (n,), at each distinct score, float32 (n,), in decreasing order."""

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def curve(matches: Matches, number: int | None = None) -> Curve:
    """(1) at every score, of one class, or by default of all detections together; recall is NaN without
    boxes."""
    mine = slice(None) if number is None else matches.classes == number
    n = matches.boxes[0].sum() if number is None else matches.boxes[0, number]
    scores, right = matches.scores[mine], matches.truth[0, 0, mine] >= 0
    counted = ~matches.ignored[0, 0, mine]
    order = np.argsort(-scores[counted], kind="stable")
    scores, right = scores[counted][order], right[counted][order]
    last = np.flatnonzero(np.diff(scores, append=-np.inf))  # of equal scores
    tp, shown = right.cumsum()[last], last + 1
    with np.errstate(invalid="ignore"):
        return Curve(scores[last], tp / shown, tp / n, 2 * tp / (shown + n))  # (1)


def best_threshold(matches: Matches) -> float:
    """(2), of all detections together; ½ if there is nothing to measure it by."""
    scores, _, _, f1 = curve(matches)
    if not f1.any():
        return 0.5
    best = int(f1.argmax())
    below = scores[best + 1] if best + 1 < len(scores) else 0.0
    middle = (scores[best] + below) / 2  # float32, as the scores: neighbours have none between them
    return float(middle if middle > below else scores[best])


def at_threshold(matches: Matches, threshold: float, classes: Sequence[str]) -> dict:
    """`precision`, `recall` and `F1` at a threshold, of all detections together and `per_class`; None if
    undefined."""

    def numbers(number: int | None) -> dict[str, float | None]:
        found = curve(matches, number)
        shown = int((found.scores >= threshold).sum())
        n = matches.boxes[0].sum() if number is None else matches.boxes[0, number]
        if not shown:
            return {"precision": None, "recall": 0.0 if n else None, "F1": 0.0 if n else None}
        values = (found.precision[shown - 1], found.recall[shown - 1], found.f1[shown - 1])
        return {
            name: float(value) if n or name == "precision" else None
            for name, value in zip(("precision", "recall", "F1"), values, strict=True)
        }

    return {
        "threshold": threshold,
        **numbers(None),
        "per_class": {name: numbers(c) for c, name in enumerate(classes)},
    }

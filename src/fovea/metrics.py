"""Measures of a network; and those of a classifier, from its logits.

A logit row has one value a class; labels are integers, and −1 marks an example that counts nowhere, such as
an unreadable picture. Where classes have the same logit, the first of them is ranked first. All sums are
float64 and run in one fixed order.
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np


class Measure(NamedTuple):
    """A number that says how good a network is.

    name: in columns and metrics.json, such as "top1". title: above its figure. share: whether it is from 0 to
    1, and shown as a percentage; others are at least `least`. higher: whether more is better; by default of
    shares. label: in front of the number in a line of progress; by default the name.
    """

    name: str
    title: str
    share: bool = False
    least: float = 0.0
    higher: bool | None = None
    label: str | None = None

    @property
    def most(self) -> float:
        return 1 if self.share else inf

    @property
    def rises(self) -> bool:
        """Whether more is better."""
        return self.share if self.higher is None else self.higher

    def text(self, value: float) -> str:
        """As a line of progress shows it: "loss 0.043", "98.76%"."""
        shown = f"{value:.2%}" if self.share else figure(value)
        return f"{self.name if self.label is None else self.label} {shown}".strip()


LOSS = Measure("loss", "Loss")


def figure(value: float, digits: int = 3) -> str:
    """A number to read: "0.043", with `digits` after the point; from 10,000 on in four digits, "1.2e+38"."""
    return f"{value:.{digits}f}" if abs(value) < 10_000 else f"{value:.4g}"


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy −log softmax(logits)[label] of each example: float64 (N,), NaN for the label −1."""
    Z = logits.astype(np.float64)
    Z -= Z.max(axis=1, keepdims=True)  # keeps exp in range; the differences stay
    loss = np.log(np.exp(Z).sum(axis=1)) - _at(Z, labels)
    loss[labels < 0] = np.nan
    return loss


def ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many classes come before the right one: int (N,), 0 is best; all classes where a logit is NaN."""
    own = _at(logits, labels)[:, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    rank = ((logits > own) | ((logits == own) & earlier)).sum(axis=1)
    return np.where(np.isnan(logits).any(axis=1), logits.shape[1], rank)


def top(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The part of the examples whose class is among the first `k`, between 0 and 1; NaN without examples."""
    counted = labels >= 0
    return _ratio((ranks(logits, labels)[counted] < k).sum(), counted.sum())


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How often each class (row) was taken for each (column): int (classes, classes)."""
    counted = labels >= 0
    pairs = labels[counted].astype(np.int64) * classes + predicted[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def classification(logits: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> dict:
    """`top1`, `top5`, `loss`, `n` (how many counted) and `per_class`: the accuracy within each class.

    A value that nothing is known about, such as the accuracy in a class without examples, is None.
    """
    counted = labels >= 0
    logits, labels = logits[counted], labels[counted]
    matrix = confusion(logits.argmax(axis=1), labels, len(classes))
    return {
        "top1": _known(top(logits, labels, 1)),
        "top5": _known(top(logits, labels, 5)),
        "loss": _known(_ratio(losses(logits, labels).sum(), len(labels))),
        "n": len(labels),
        "per_class": {
            name: _known(_ratio(row[i], row.sum()))
            for i, (name, row) in enumerate(zip(classes, matrix, strict=True))
        },
    }


def _at(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return scores[np.arange(len(labels)), labels]


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None

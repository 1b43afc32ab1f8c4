"""The metrics of a classifier, from its logits.

A row of logits has one value per class; labels are integers, and −1 marks an example that does not count,
such as an unreadable picture. Among classes with equal logits, the first ranks first. All sums are in float64
and a fixed order.
"""

from collections.abc import Sequence

import numpy as np


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy −log softmax(logits)[label] of each example: float64 (N,), NaN for the label −1."""
    Z = logits.astype(np.float64)
    Z -= Z.max(axis=1, keepdims=True)  # so that exp does not overflow; softmax is the same
    loss = np.log(np.exp(Z).sum(axis=1)) - _label_scores(Z, labels)
    loss[labels < 0] = np.nan
    return loss


def ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The number of classes ranked before the correct one: int (N,), 0 is best; all classes if a logit is
    NaN."""
    correct = _label_scores(logits, labels)[:, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    rank = ((logits > correct) | ((logits == correct) & earlier)).sum(axis=1)
    return np.where(np.isnan(logits).any(axis=1), logits.shape[1], rank)


def top(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The share of examples whose class is among the first `k`, from 0 to 1; NaN without examples."""
    counted = labels >= 0
    return _ratio((ranks(logits, labels)[counted] < k).sum(), counted.sum())


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix, int (classes, classes): true classes in rows, predicted ones in columns."""
    counted = labels >= 0
    pairs = labels[counted].astype(np.int64) * classes + predicted[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def classification(logits: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> dict:
    """`top1`, `top5`, `loss`, `n` (the number of examples that count) and `per_class`: the accuracy within
    each class.

    An undefined value, such as the accuracy of a class without examples, is None.
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


def _label_scores(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return scores[np.arange(len(labels)), labels]


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None

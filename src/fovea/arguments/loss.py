"""Softmax, cross-entropy, and labels."""

import numpy as np

from fovea.arguments.arrays import Rows, Targets, Vector, floats, is_plain, shape_of
from fovea.arguments.scalars import share
from fovea.errors import ShapeError, mismatch
from fovea.names import counted


def logits(Z: Rows, who: str = "softmax", name: str = "Z") -> None:
    """Z (N, classes), at least one class."""
    floats(who, **{name: Z})
    shape_of(who, name, Z, ("N", "classes"), "one row of logits for each example")


def loss(
    Z: Rows,
    labels: Targets,
    smoothing: float = 0.0,
    weights: Vector | None = None,
    who: str = "softmax_cross_entropy",
) -> None:
    """Z (N, classes); labels (N,), each a class from 0 to classes − 1 or −1 for an example to ignore, or
    shares (N, classes), whose rows sum to 1 or are 0; `smoothing` from 0 to below 1; `weights` (classes,)."""
    logits(Z, who)
    targets(labels, len(Z), Z.shape[1], who)
    if labels.dtype.kind == "f":
        floats(who, Z=Z, labels=labels)
    share(smoothing, f"{who}: smoothing")
    if weights is not None:
        floats(who, Z=Z, weights=weights)
        shape_of(who, "weights", weights, Z.shape[1:], "one weight for each class")
        class_weights(weights, f"{who}: weights")


def class_weights(weights: Vector, who: str) -> None:
    """Numbers of at least 0, not all of them 0."""
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise ShapeError(mismatch(who, "finite numbers of at least 0", f"{weights[bad[0]]} at {bad[0]}"))
    if not weights.any():
        raise ShapeError(mismatch(who, "one above 0", "0 for all classes"))


def targets(labels: Targets, N: int, classes: int, who: str = "softmax_cross_entropy") -> None:
    """Labels or shares of `N` examples."""
    kind = labels.dtype.kind if is_plain(labels) else ""
    if kind == "" or kind not in "iuf" or (kind == "f" and labels.ndim != 2):
        got = f"an array of {labels.dtype}" if kind else type(labels).__name__
        remedy = "give class numbers as np.asarray(labels, np.int32), or rows of shares (N, classes)"
        raise ShapeError(mismatch(who, "labels as an array of whole numbers", got, remedy))
    if kind == "f":
        shape_of(who, "labels", labels, (N, classes), "a share for each class")
        sums = labels.sum(axis=1)
        sound = (labels >= 0).all(axis=1) & ((np.abs(sums - 1) < 1e-3) | (sums == 0))
        if not sound.all():
            row = int(np.flatnonzero(~sound)[0])
            got = f"labels[{row}] with the minimum {labels[row].min():g} and the sum {sums[row]:g}"
            remedy = "a row of zeros leaves its example out"
            raise ShapeError(mismatch(who, "rows of shares of at least 0 with the sum 1", got, remedy))
        return
    shape_of(who, "labels", labels, (N,), "one class number for each row of Z")
    if labels.size and not -1 <= labels.min() <= labels.max() < classes:
        row = int(np.flatnonzero((labels < -1) | (labels >= classes))[0])
        expected = f"labels from 0 to {classes - 1}, or −1 for an example to ignore"
        raise ShapeError(
            mismatch(who, expected, f"labels[{row}] = {labels[row]}", f"Z has {counted(classes, 'class')}")
        )

"""What training makes small, with its gradient.

This is the layer-by-layer path; where classifiers are trained, a plan of stages computes the same.
"""

from collections.abc import Sequence

import numpy as np

from fovea import arguments, functional
from fovea.errors import ShapeError, mismatch


def softmax_cross_entropy(
    Z: np.ndarray, labels: np.ndarray, *, smoothing: float = 0.0, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of −log softmax(Z)[label] over the examples, and its gradient in Z's shape.

    Logits Z (N, classes) and whole labels (N,), of which −1 leaves its example out, or shares (N, classes);
    `smoothing` and `weights` as `fovea.functional.softmax_cross_entropy` takes them.
    """
    more = {"smoothing": smoothing, "weights": weights}
    loss = functional.softmax_cross_entropy(Z, labels, **more)
    return loss, functional.softmax_cross_entropy_backward(Z, labels, **more)


class CrossEntropy:
    """The loss of a classifier's training: `softmax_cross_entropy` with these `smoothing` and `weights`.

    smoothing: from 0 to below 1. weights: a number of at least 0 for each class, or None for equal ones.
    Raises ShapeError for others.
    """

    def __init__(self, smoothing: float = 0.0, weights: Sequence[float] | np.ndarray | None = None) -> None:
        self.smoothing = arguments.share(smoothing, "loss: smoothing")
        self.weights = None if weights is None else np.array(weights, np.float32)
        if self.weights is not None:
            if self.weights.ndim != 1:
                raise ShapeError(mismatch("loss: weights", "one for each class", self.weights.shape))
            arguments.class_weights(self.weights, "loss: weights")

    def check(self, classes: int) -> None:
        """Raise ShapeError unless it suits so many classes."""
        if self.weights is not None and len(self.weights) != classes:
            raise ShapeError(
                mismatch("loss: weights", f"one for each of {classes} classes", len(self.weights))
            )

    def __call__(self, Z: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        """(loss, dZ)."""
        weights = None if self.weights is None else self.weights.astype(Z.dtype)
        return softmax_cross_entropy(Z, labels, smoothing=self.smoothing, weights=weights)


def right(Z: np.ndarray, labels: np.ndarray) -> int:
    """In how many examples the first of the largest logits is the label's, or has the largest share."""
    answers = Z.argmax(axis=1)
    if labels.ndim == 1:
        return int((answers == labels).sum())  # −1 is nobody's argmax
    largest = labels.max(axis=1)
    return int(((labels[np.arange(len(Z)), answers] == largest) & (largest > 0)).sum())


def counted(labels: np.ndarray) -> int:
    """How many examples have a label, or a share of any class."""
    return int(np.count_nonzero(labels >= 0 if labels.ndim == 1 else labels.any(axis=1)))


def mean_squared_error(Z: np.ndarray, T: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of (Z − T)², and its gradient 2 (Z − T) / n; targets T in Z's shape.

    A target that is NaN leaves its value out of the mean.
    """
    arguments.same_shape("mean_squared_error", Z=Z, T=T)
    known = ~np.isnan(T)
    n = max(int(known.sum()), 1)
    difference = np.where(known, Z - T, np.zeros((), Z.dtype))
    return float(np.square(difference, dtype=np.float64).sum() / n), difference * Z.dtype.type(2 / n)

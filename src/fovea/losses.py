"""Losses, which training minimises, and their gradients.

    loss, dZ = CrossEntropy(smoothing=0.1)(Z, labels)

A `Loss` of your own needs only NumPy. `CrossEntropy` also has a kernel (`fovea.stages.loss`), which computes
the same in training.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import arguments, functional
from fovea.errors import ShapeError, mismatch
from fovea.names import counted


def softmax_cross_entropy(
    Z: np.ndarray, labels: np.ndarray, *, smoothing: float = 0.0, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of −log softmax(Z)[label] over the examples, and its gradient in Z's shape.

    Logits Z (N, classes); whole labels (N,), of which −1 leaves its example out, or shares (N, classes);
    `smoothing` and `weights` as in `fovea.functional.softmax_cross_entropy`.
    """
    return functional.operations("loss").loss_and_gradient(Z, labels, smoothing, weights)


@dataclass(frozen=True)
class Late:
    """The gradient of an output `Z` that `write(dZ)` writes once the backward pass needs it: until then it
    takes no memory."""

    Z: np.ndarray
    write: Callable[[np.ndarray], object]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.Z.shape

    def array(self) -> np.ndarray:
        dZ = np.empty_like(self.Z)
        self.write(dZ)
        return dZ


class Loss(ABC):
    """A loss; subclass it and define `__call__`.

    Z is the network's output (N, …) for N pictures, or a dict by name if it has several outputs; dZ has the
    same form, and the gradients of named outputs may be `Late`. `targets` are defined by the task, such as
    labels.
    """

    @abstractmethod
    def __call__(self, Z: Any, targets: Any) -> tuple[float, Any]:
        """(loss, dZ): the mean over the pictures that count, and its gradient in Z's shape."""

    def check(self, shape: Any) -> None:
        """Raise ShapeError if the loss does not fit outputs of that shape, for one picture; a dict of shapes
        for several outputs."""

    def counted(self, targets: Any) -> int:
        """The number of pictures that count in the mean; by default all."""
        return len(targets)

    def sums(self, Z: Any, targets: Any) -> dict[str, float]:
        """Further measures of the batch by name, each summed over the pictures that count."""
        return {}


class CrossEntropy(Loss):
    """The loss of a classifier's training: `softmax_cross_entropy` with these `smoothing` and `weights`.

    smoothing: from 0 to below 1. weights: a number of at least 0 for each class, or None for equal ones.
    Raises ShapeError for any others. Its sums have "top1", the number of correct predictions.
    """

    def __init__(self, smoothing: float = 0.0, weights: Sequence[float] | np.ndarray | None = None) -> None:
        self.smoothing = arguments.share(smoothing, "loss: smoothing")
        self.weights = None if weights is None else np.array(weights, np.float32)
        if self.weights is not None:
            if self.weights.ndim != 1:
                raise ShapeError(mismatch("loss: weights", "one for each class", self.weights.shape))
            arguments.class_weights(self.weights, "loss: weights")

    def __call__(self, Z: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
        weights = None if self.weights is None else self.weights.astype(Z.dtype)
        return softmax_cross_entropy(Z, targets, smoothing=self.smoothing, weights=weights)

    def check(self, shape: Any) -> None:
        if isinstance(shape, dict) or len(shape) != 1:
            raise ShapeError(mismatch("loss: cross-entropy", "one output of (classes,)", shape))
        if self.weights is not None and len(self.weights) != shape[0]:
            raise ShapeError(
                mismatch("loss: weights", f"one for each of {counted(shape[0], 'class')}", len(self.weights))
            )

    def counted(self, targets: np.ndarray) -> int:
        return int(np.count_nonzero(targets >= 0 if targets.ndim == 1 else targets.any(axis=1)))

    def sums(self, Z: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        return {"top1": count_correct(Z, targets)}


class MeanSquaredError(Loss):
    """`mean_squared_error`: the mean over all values of (Z − T)²; a target that is NaN does not count.

    For several outputs it is the sum of their means; `targets` are then a dict by name, and an output without
    targets does not count.
    """

    def __call__(self, Z: Any, targets: Any) -> tuple[float, Any]:
        if not isinstance(targets, dict):
            return mean_squared_error(Z, targets)
        losses = {name: mean_squared_error(Z[name], T) for name, T in targets.items()}
        return sum(loss for loss, _ in losses.values()), {name: dZ for name, (_, dZ) in losses.items()}

    def counted(self, targets: Any) -> int:
        known = [
            (~np.isnan(T)).reshape(len(T), -1).any(axis=1)
            for T in (targets.values() if isinstance(targets, dict) else [targets])
        ]
        return int(np.logical_or.reduce(known).sum())


def count_correct(Z: np.ndarray, labels: np.ndarray) -> int:
    """The number of examples whose largest logit, or the first of several, is the label's; with shares (N,
    classes) that of a class with the largest share."""
    predicted = Z.argmax(axis=1)
    if labels.ndim == 1:
        return int((predicted == labels).sum())  # the label −1 never matches
    largest = labels.max(axis=1)
    return int(((labels[np.arange(len(Z)), predicted] == largest) & (largest > 0)).sum())


def mean_squared_error(Z: np.ndarray, T: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of (Z − T)², and its gradient 2 (Z − T) / n; targets T in Z's shape.

    A target that is NaN leaves its value out of the mean.
    """
    arguments.same_shape("mean_squared_error", Z=Z, T=T)
    known = ~np.isnan(T)
    n = max(int(known.sum()), 1)
    difference = np.where(known, Z - T, np.zeros((), Z.dtype))
    return float(np.square(difference, dtype=np.float64).sum() / n), difference * Z.dtype.type(2 / n)

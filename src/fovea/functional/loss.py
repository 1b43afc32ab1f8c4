"""Softmax and cross-entropy in one."""

from fovea.arguments import Rows, Targets, Vector
from fovea.functional.engines import operations


def softmax_cross_entropy(
    Z: Rows, labels: Targets, *, smoothing: float = 0.0, weights: Vector | None = None
) -> float:
    """The mean of −log softmax(Z)[n, labels[n]], in nats, over the examples whose label is not −1.

    Z (N, classes) are logits; labels (N,) whole numbers from 0 to classes − 1, or −1 for an example to
    ignore; or (N, classes), of Z's type, the share of each class in each example: rows that sum to 1, or are
    0 for an example to ignore. `smoothing`, from 0 to below 1, is taken from these shares and given to all
    classes alike. `weights` (classes,), of Z's type, are what an example of each class counts in the mean.
    0.0 where every example is ignored.
    """
    return operations("loss").softmax_cross_entropy(Z, labels, smoothing=smoothing, weights=weights)


def softmax_cross_entropy_backward(
    Z: Rows, labels: Targets, *, smoothing: float = 0.0, weights: Vector | None = None
) -> Rows:
    """dZ (N, classes), the gradient of `softmax_cross_entropy`; zero for the examples that are ignored."""
    return operations("loss").softmax_cross_entropy_backward(Z, labels, smoothing=smoothing, weights=weights)

"""The cross-entropy of a softmax, straight from the logits.

    q[n, k] = w[k] · ((1 − ε) · t[n, k] + ε / C)                                                     (1)
    L = −1/M Σ_n Σ_k q[n, k] · log softmax(Z)[n, k],   M = Σ_n Σ_k w[k] · t[n, k]                    (2)
    dZ[n, k] = (softmax(Z)[n, k] · Σ_c q[n, c] − q[n, k]) / M                                        (3)

t[n] are the shares of the C classes in example n, which sum to 1: 1 for the class of its label, 0 for all
others, or whatever mixed pictures and other networks say. Label smoothing ε takes a little of that and gives
it to all classes alike; w is what each class weighs. With neither, and one label each, L is the mean of
−log softmax(Z)[n, label]. An example without a share (label −1, or a row of zeros) is as if it were not
there.

The logarithms are taken of Z less the largest logit of its row (see activation.py): nothing overflows.

Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, section 7 (ε); (2) is
PyTorch's mean for labels with weights, and for shares without.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Rows, Targets, Vector
from fovea.reference.activation import softmax
from fovea.reference.quiet import quietly


@quietly
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
    arguments.loss(Z, labels, smoothing, weights)
    n, q, M = _wanted(Z, labels, smoothing, weights)
    if not M:
        return 0.0
    Z = Z[n] - Z[n].max(axis=1, keepdims=True)
    losses = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z  # (·, C)
    terms = np.where(q == 0, 0, q * losses)  # a class that nobody asks for may have a logit of −∞
    return float(terms.sum(axis=1).sum(dtype=np.float64) / M)  # (2)


@quietly
def softmax_cross_entropy_backward(
    Z: Rows, labels: Targets, *, smoothing: float = 0.0, weights: Vector | None = None
) -> Rows:
    """dZ (N, classes), the gradient of `softmax_cross_entropy`; zero for the examples that are ignored."""
    arguments.loss(Z, labels, smoothing, weights, who="softmax_cross_entropy_backward")
    n, q, M = _wanted(Z, labels, smoothing, weights)
    dZ = np.zeros_like(Z)
    if M:
        dZ[n] = softmax(Z[n]) * q.sum(axis=1, keepdims=True) - q
        dZ /= M  # (3)
    return dZ


def _shares(labels: Targets, classes: int, dtype: type = np.float32) -> Rows:
    """t (N, C) of labels, or labels themselves where they are shares already."""
    if labels.ndim == 2:
        return labels
    t = np.zeros((len(labels), classes), dtype)
    n = np.flatnonzero(labels >= 0)
    t[n, labels[n]] = 1
    return t


def _wanted(
    Z: Rows, labels: Targets, smoothing: float, weights: Vector | None
) -> tuple[np.ndarray, Rows, float]:
    """The numbers of the examples that count, their q (·, C), and M."""
    t, C = _shares(labels, Z.shape[1], Z.dtype.type), Z.shape[1]
    w = np.ones(C, Z.dtype) if weights is None else weights
    n = np.flatnonzero(t.any(axis=1))
    q = w * ((1 - smoothing) * t[n] + smoothing / C)  # (1)
    return n, q.astype(Z.dtype), float((t * w).sum(dtype=np.float64))

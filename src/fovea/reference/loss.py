"""The cross-entropy of a softmax, computed from the logits.

    q[n, k] = w[k] · ((1 − ε) · t[n, k] + ε / C)                                                     (1)
    L = −1/M Σ_n Σ_k q[n, k] · log softmax(Z)[n, k],   M = Σ_n Σ_k w[k] · t[n, k]                    (2)
    dZ[n, k] = (softmax(Z)[n, k] · Σ_c q[n, c] − q[n, k]) / M                                        (3)

t[n] are the shares of the C classes in example n, which sum to 1: one-hot for a label, or any shares, as from
mixed pictures or another network. Label smoothing moves the share ε from these to all classes equally; w[k]
is the weight of class k. With neither, and one label each, L is the mean of −log softmax(Z)[n, label]. An
example without shares (label −1, or a row of zeros) is ignored.

The largest logit of each row is subtracted first (see activation.py), so nothing overflows.

Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, section 7 (ε); (2) is
PyTorch's mean, for labels with weights and for shares without.
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

    Z (N, classes) are logits. labels (N,) are whole numbers from 0 to classes − 1, or −1 for an ignored
    example; or (N, classes), of Z's type, are each class's share in each example: rows sum to 1, or are 0 for
    an ignored example. `smoothing`, from 0 to below 1, is moved from these shares to all classes equally.
    `weights` (classes,), of Z's type, are the classes' weights in the mean. 0.0 if every example is ignored.
    """
    arguments.loss(Z, labels, smoothing, weights)
    n, q, M = _wanted(Z, labels, smoothing, weights)
    if not M:
        return 0.0
    Z = Z[n] - Z[n].max(axis=1, keepdims=True)
    losses = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z  # (·, C)
    terms = np.where(q == 0, 0, q * losses)  # a class of weight 0 may have a logit of −∞
    return float(terms.sum(axis=1).sum(dtype=np.float64) / M)  # (2)


@quietly
def softmax_cross_entropy_backward(
    Z: Rows, labels: Targets, *, smoothing: float = 0.0, weights: Vector | None = None
) -> Rows:
    """dZ (N, classes), the gradient of `softmax_cross_entropy`; zero for ignored examples."""
    arguments.loss(Z, labels, smoothing, weights, who="softmax_cross_entropy_backward")
    n, q, M = _wanted(Z, labels, smoothing, weights)
    dZ = np.zeros_like(Z)
    if M:
        dZ[n] = softmax(Z[n]) * q.sum(axis=1, keepdims=True) - q
        dZ /= M  # (3)
    return dZ


def loss_and_gradient(
    Z: Rows, labels: Targets, smoothing: float, weights: Vector | None
) -> tuple[float, Rows]:
    """`softmax_cross_entropy` and its gradient."""
    options = {"smoothing": smoothing, "weights": weights}
    return softmax_cross_entropy(Z, labels, **options), softmax_cross_entropy_backward(Z, labels, **options)


def _shares(labels: Targets, classes: int, dtype: type = np.float32) -> Rows:
    """t (N, C): `labels`, one-hot unless they already are shares."""
    if labels.ndim == 2:
        return labels
    t = np.zeros((len(labels), classes), dtype)
    n = np.flatnonzero(labels >= 0)
    t[n, labels[n]] = 1
    return t


def _wanted(
    Z: Rows, labels: Targets, smoothing: float, weights: Vector | None
) -> tuple[np.ndarray, Rows, float]:
    """The indices of the examples that are not ignored, their q (·, C), and M."""
    t, C = _shares(labels, Z.shape[1], Z.dtype.type), Z.shape[1]
    w = np.ones(C, Z.dtype) if weights is None else weights
    n = np.flatnonzero(t.any(axis=1))
    q = w * ((1 - smoothing) * t[n] + smoothing / C)  # (1)
    return n, q.astype(Z.dtype), float((t * w).sum(dtype=np.float64))

"""Elementwise activations, and the softmax that turns logits into probabilities.

    relu:        A = max(Z, 0)                        dZ = dA where Z > 0, else 0                    (1)
    leaky_relu:  A = Z where Z > 0, else slope · Z    dZ = dA where Z > 0, else slope · dA           (2)
    clip:        A = min(max(Z, low), high)           dZ = dA where low < Z < high, else 0           (3)
    sigmoid:     A = σ(Z) = 1 / (1 + exp(−Z))         dZ = dA · A · (1 − A)                          (4)
    tanh:        A = tanh(Z)                          dZ = dA · (1 − A²)                             (5)
    silu:        A = Z · σ(Z)                         dZ = dA · σ(Z) · (1 + Z · (1 − σ(Z)))          (6)
    softmax:     A[n, c] = exp(Z[n, c] − m) / Σ_k exp(Z[n, k] − m),   m = max_k Z[n, k]              (7)
                 dZ[n, c] = A[n, c] · (dA[n, c] − Σ_k dA[n, k] · A[n, k])                            (8)
    log_softmax: A[n, c] = Z[n, c] − m − log Σ_k exp(Z[n, k] − m)                                    (9)
                 dZ[n, c] = dA[n, c] − exp(A[n, c]) · Σ_k dA[n, k]                                   (10)

NaN gives NaN, and (1), (2) and (3) pass dA where Z is NaN, so that the fault stays visible. σ is computed
from exp(−|Z|); the maximum m does not change (7) and (9), but keeps every exponent at or below zero. So
nothing overflows.

Glorot, Bordes, Bengio (2011) for (1); Maas, Hannun, Ng (2013) for (2); Elfwing, Uchibe, Doya (2017) for (6).
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array, Rows
from fovea.reference.quiet import quietly


def relu(Z: Array) -> Array:
    """max(Z, 0) of an array of any shape; NaN for NaN."""
    arguments.floats("relu", Z=Z)
    return np.maximum(Z, 0)  # (1)


def relu_backward(dA: Array, Z: Array) -> Array:
    """dZ: 0 where Z ≤ 0, else dA."""
    arguments.same_shape("relu_backward", Z=Z, dA=dA)
    return np.where(Z <= 0, np.zeros((), Z.dtype), dA)  # (1)


@quietly
def leaky_relu(Z: Array, slope: float = 0.01) -> Array:
    """Z where it is positive, else slope · Z, of an array of any shape."""
    arguments.floats("leaky_relu", Z=Z)
    slope = arguments.finite(slope, "leaky_relu: slope")
    return np.where(Z <= 0, Z * slope, Z)  # (2)


@quietly
def leaky_relu_backward(dA: Array, Z: Array, slope: float = 0.01) -> Array:
    """dZ: slope · dA where Z ≤ 0, else dA."""
    arguments.same_shape("leaky_relu_backward", Z=Z, dA=dA)
    slope = arguments.finite(slope, "leaky_relu_backward: slope")
    return np.where(Z <= 0, dA * slope, dA)  # (2)


def clip(Z: Array, low: float = 0.0, high: float = 6.0) -> Array:
    """min(max(Z, low), high) of an array of any shape; ReLU6 by default."""
    arguments.floats("clip", Z=Z)
    low, high = arguments.bounds(low, high, "clip")
    return np.minimum(np.maximum(Z, low), high)  # (3)


def clip_backward(dA: Array, Z: Array, low: float = 0.0, high: float = 6.0) -> Array:
    """dZ: dA where low < Z < high, else 0. Z may also be the result of `clip`."""
    arguments.same_shape("clip_backward", Z=Z, dA=dA)
    low, high = arguments.bounds(low, high, "clip_backward")
    beyond = (low >= Z) | (high <= Z)
    return np.where(beyond, np.zeros((), Z.dtype), dA)  # (3)


@quietly
def sigmoid(Z: Array) -> Array:
    """σ(Z) = 1 / (1 + exp(−Z)) of an array of any shape, without overflow for any Z."""
    arguments.floats("sigmoid", Z=Z)
    return logistic(Z)  # (4)


@quietly
def sigmoid_backward(dA: Array, A: Array) -> Array:
    """dZ = dA · A · (1 − A), from the result A of `sigmoid`."""
    arguments.same_shape("sigmoid_backward", A=A, dA=dA)
    return dA * (A * (1 - A))  # (4)


def tanh(Z: Array) -> Array:
    """The hyperbolic tangent of an array of any shape."""
    arguments.floats("tanh", Z=Z)
    return np.tanh(Z)  # (5)


@quietly
def tanh_backward(dA: Array, A: Array) -> Array:
    """dZ = dA · (1 − A²), from the result A of `tanh`."""
    arguments.same_shape("tanh_backward", A=A, dA=dA)
    return dA * ((1 - A) * (1 + A))  # (5)


@quietly
def silu(Z: Array) -> Array:
    """Z · σ(Z) of an array of any shape."""
    arguments.floats("silu", Z=Z)
    return Z * logistic(Z)  # (6)


@quietly
def silu_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · σ(Z) · (1 + Z · (1 − σ(Z)))."""
    arguments.same_shape("silu_backward", Z=Z, dA=dA)
    return dA * (logistic(Z) * (1 + Z * logistic(-Z)))  # (6): 1 − σ(Z) is σ(−Z)


def logistic(Z: Array) -> Array:
    """σ(Z), for any Z."""
    small = np.exp(-np.abs(Z))  # at most 1
    return np.where(Z < 0, small, np.ones((), Z.dtype)) / (1 + small)


@quietly
def softmax(Z: Rows) -> Rows:
    """Probabilities (N, classes) from logits Z (N, classes); each row sums to 1, for logits of any size.

    A row with NaN or +∞, or of −∞ alone, is NaN throughout.
    """
    arguments.logits(Z)
    A = np.exp(Z - Z.max(axis=1, keepdims=True))
    A /= A.sum(axis=1, keepdims=True)  # (7)
    return A


@quietly
def softmax_backward(dA: Rows, A: Rows) -> Rows:
    """dZ (N, classes) = A · (dA − Σ dA · A), from the result A of `softmax`."""
    arguments.logits(A, "softmax_backward", "A")
    arguments.same_shape("softmax_backward", A=A, dA=dA)
    return A * (dA - (dA * A).sum(axis=1, keepdims=True))  # (8)


@quietly
def log_softmax(Z: Rows) -> Rows:
    """log softmax(Z) (N, classes) from logits Z (N, classes), also where a probability rounds to 0."""
    arguments.logits(Z, "log_softmax")
    below = Z - Z.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))  # (9)


@quietly
def log_softmax_backward(dA: Rows, A: Rows) -> Rows:
    """dZ (N, classes) = dA − exp(A) · Σ dA, from the result A of `log_softmax`."""
    arguments.logits(A, "log_softmax_backward", "A")
    arguments.same_shape("log_softmax_backward", A=A, dA=dA)
    return dA - np.exp(A) * dA.sum(axis=1, keepdims=True)  # (10)

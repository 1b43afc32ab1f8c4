"""Activations."""

from fovea.arguments import Array, Rows
from fovea.functional.engines import operations


def relu(Z: Array) -> Array:
    """max(Z, 0) of an array of any shape; a NaN stays one."""
    return operations("activation").relu(Z)


def relu_backward(dA: Array, Z: Array) -> Array:
    """dZ: 0 where Z ≤ 0, else dA."""
    return operations("activation").relu_backward(dA, Z)


def leaky_relu(Z: Array, slope: float = 0.01) -> Array:
    """Z where it is positive, else slope · Z, of an array of any shape."""
    return operations("activation").leaky_relu(Z, slope)


def leaky_relu_backward(dA: Array, Z: Array, slope: float = 0.01) -> Array:
    """dZ: slope · dA where Z ≤ 0, else dA."""
    return operations("activation").leaky_relu_backward(dA, Z, slope)


def clip(Z: Array, low: float = 0.0, high: float = 6.0) -> Array:
    """min(max(Z, low), high) of an array of any shape; ReLU6 by default."""
    return operations("activation").clip(Z, low, high)


def clip_backward(dA: Array, Z: Array, low: float = 0.0, high: float = 6.0) -> Array:
    """dZ: dA where low < Z < high, else 0. What `clip` made of Z will do as well as Z."""
    return operations("activation").clip_backward(dA, Z, low, high)


def sigmoid(Z: Array) -> Array:
    """σ(Z) = 1 / (1 + exp(−Z)) of an array of any shape; no Z is too large."""
    return operations("activation").sigmoid(Z)


def sigmoid_backward(dA: Array, A: Array) -> Array:
    """dZ = dA · A · (1 − A), from what `sigmoid` gave."""
    return operations("activation").sigmoid_backward(dA, A)


def tanh(Z: Array) -> Array:
    """The hyperbolic tangent of an array of any shape."""
    return operations("activation").tanh(Z)


def tanh_backward(dA: Array, A: Array) -> Array:
    """dZ = dA · (1 − A²), from what `tanh` gave."""
    return operations("activation").tanh_backward(dA, A)


def silu(Z: Array) -> Array:
    """Z · σ(Z) of an array of any shape."""
    return operations("activation").silu(Z)


def silu_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · σ(Z) · (1 + Z · (1 − σ(Z)))."""
    return operations("activation").silu_backward(dA, Z)


def softmax(Z: Rows) -> Rows:
    """Probabilities (N, classes) from logits Z (N, classes); each row sums to 1, however large its logits."""
    return operations("activation").softmax(Z)


def softmax_backward(dA: Rows, A: Rows) -> Rows:
    """dZ (N, classes) = A · (dA − Σ dA · A), from what `softmax` gave."""
    return operations("activation").softmax_backward(dA, A)


def log_softmax(Z: Rows) -> Rows:
    """log softmax(Z) (N, classes) from logits Z (N, classes), also where a probability rounds to 0."""
    return operations("activation").log_softmax(Z)


def log_softmax_backward(dA: Rows, A: Rows) -> Rows:
    """dZ (N, classes) = dA − exp(A) · Σ dA, from what `log_softmax` gave."""
    return operations("activation").log_softmax_backward(dA, A)

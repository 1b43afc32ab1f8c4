"""Activations in pieces, each value by itself."""

from fovea.arguments import Array
from fovea.functional.engines import operations


def elu(Z: Array, alpha: float = 1.0, scale: float = 1.0, rate: float = 1.0) -> Array:
    """scale · Z where Z > 0, else scale · alpha · (exp(rate · Z) − 1), of an array of any shape."""
    return operations("piecewise").elu(Z, alpha, scale, rate)


def elu_backward(dA: Array, Z: Array, alpha: float = 1.0, scale: float = 1.0, rate: float = 1.0) -> Array:
    """dZ = dA · scale where Z > 0, else dA · scale · alpha · rate · exp(rate · Z)."""
    return operations("piecewise").elu_backward(dA, Z, alpha, scale, rate)


def hard_sigmoid(Z: Array, slope: float = 1 / 6, shift: float = 0.5) -> Array:
    """min(max(slope · Z + shift, 0), 1) of an array of any shape."""
    return operations("piecewise").hard_sigmoid(Z, slope, shift)


def hard_sigmoid_backward(dA: Array, A: Array, slope: float = 1 / 6, shift: float = 0.5) -> Array:
    """dZ = slope · dA where 0 < A < 1, else 0, from what `hard_sigmoid` gave."""
    return operations("piecewise").hard_sigmoid_backward(dA, A, slope, shift)


def hard_swish(Z: Array) -> Array:
    """Z · min(max(Z + 3, 0), 6) / 6 of an array of any shape."""
    return operations("piecewise").hard_swish(Z)


def hard_swish_backward(dA: Array, Z: Array) -> Array:
    """dZ: 0 where Z ≤ −3, dA where Z ≥ 3, else dA · (Z/3 + 1/2)."""
    return operations("piecewise").hard_swish_backward(dA, Z)


def thresholded_relu(Z: Array, threshold: float = 1.0) -> Array:
    """Z where it is above `threshold`, else 0, of an array of any shape."""
    return operations("piecewise").thresholded_relu(Z, threshold)


def thresholded_relu_backward(dA: Array, Z: Array, threshold: float = 1.0) -> Array:
    """dZ: dA where Z > threshold, else 0."""
    return operations("piecewise").thresholded_relu_backward(dA, Z, threshold)

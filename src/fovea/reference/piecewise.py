"""Piecewise activations: straight lines, or a line and an exponential.

    elu:              A = scale · Z where Z > 0, else scale · α · (exp(rate · Z) − 1)
                      dZ = dA · scale where Z > 0, else dA · scale · α · rate · exp(rate · Z)            (1)
    hard_sigmoid:     A = min(max(slope · Z + shift, 0), 1)
                      dZ = dA · slope where 0 < A < 1, else 0                                            (2)
    hard_swish:       A = Z · min(max(Z + 3, 0), 6) / 6
                      dZ = 0 where Z ≤ −3, dA where Z ≥ 3, else dA · (Z/3 + 1/2)                         (3)
    thresholded_relu: A = Z where Z > threshold, else 0
                      dZ = dA where Z > threshold, else 0                                                (4)

Where the pieces meet, the derivatives are PyTorch's. NaN gives NaN; (2) and (4) pass dA there.

Clevert, Unterthiner, Hochreiter (2016) for (1), with Barron's CELU (2017) and Klambauer et al.'s SELU (2017);
Howard et al. (2019) for (2) and (3).
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array
from fovea.reference.quiet import quietly


@quietly
def elu(Z: Array, alpha: float = 1.0, scale: float = 1.0, rate: float = 1.0) -> Array:
    """scale · Z where Z > 0, else scale · alpha · (exp(rate · Z) − 1), of an array of any shape."""
    arguments.floats("elu", Z=Z)
    alpha, scale, rate = arguments.numbers("elu", alpha=alpha, scale=scale, rate=rate)
    return np.where(Z > 0, scale * Z, scale * alpha * np.expm1(rate * np.minimum(Z, 0)))  # (1)


@quietly
def elu_backward(dA: Array, Z: Array, alpha: float = 1.0, scale: float = 1.0, rate: float = 1.0) -> Array:
    """dZ = dA · scale where Z > 0, else dA · scale · alpha · rate · exp(rate · Z)."""
    arguments.same_shape("elu_backward", Z=Z, dA=dA)
    alpha, scale, rate = arguments.numbers("elu_backward", alpha=alpha, scale=scale, rate=rate)
    slope = scale * alpha * rate * np.exp(rate * np.minimum(Z, 0))
    return dA * np.where(Z > 0, Z.dtype.type(scale), slope)  # (1)


@quietly
def hard_sigmoid(Z: Array, slope: float = 1 / 6, shift: float = 0.5) -> Array:
    """min(max(slope · Z + shift, 0), 1) of an array of any shape."""
    arguments.floats("hard_sigmoid", Z=Z)
    slope, shift = arguments.numbers("hard_sigmoid", slope=slope, shift=shift)
    return np.minimum(np.maximum(slope * Z + shift, 0), 1)  # (2)


@quietly
def hard_sigmoid_backward(dA: Array, A: Array, slope: float = 1 / 6, shift: float = 0.5) -> Array:
    """dZ = slope · dA where 0 < A < 1, else 0, from the result A of `hard_sigmoid`."""
    arguments.same_shape("hard_sigmoid_backward", A=A, dA=dA)
    slope, shift = arguments.numbers("hard_sigmoid_backward", slope=slope, shift=shift)
    return np.where((A <= 0) | (A >= 1), np.zeros((), A.dtype), dA * slope)  # (2)


@quietly
def hard_swish(Z: Array) -> Array:
    """Z · min(max(Z + 3, 0), 6) / 6 of an array of any shape."""
    arguments.floats("hard_swish", Z=Z)
    between = Z * (Z + 3) / 6
    return np.where(Z <= -3, np.zeros((), Z.dtype), np.where(Z >= 3, Z, between))  # (3)


@quietly
def hard_swish_backward(dA: Array, Z: Array) -> Array:
    """dZ: 0 where Z ≤ −3, dA where Z ≥ 3, else dA · (Z/3 + 1/2)."""
    arguments.same_shape("hard_swish_backward", Z=Z, dA=dA)
    one = np.ones((), Z.dtype)
    return dA * np.where(Z <= -3, 0 * one, np.where(Z >= 3, one, Z / 3 + one / 2))  # (3)


def thresholded_relu(Z: Array, threshold: float = 1.0) -> Array:
    """Z where it is above `threshold`, else 0, of an array of any shape."""
    arguments.floats("thresholded_relu", Z=Z)
    (threshold,) = arguments.numbers("thresholded_relu", threshold=threshold)
    return np.where(Z.dtype.type(threshold) >= Z, np.zeros((), Z.dtype), Z)  # (4)


def thresholded_relu_backward(dA: Array, Z: Array, threshold: float = 1.0) -> Array:
    """dZ: dA where Z > threshold, else 0."""
    arguments.same_shape("thresholded_relu_backward", Z=Z, dA=dA)
    (threshold,) = arguments.numbers("thresholded_relu_backward", threshold=threshold)
    return np.where(Z.dtype.type(threshold) >= Z, np.zeros((), Z.dtype), dA)  # (4)

"""Smooth activations other than sigmoid, tanh and SiLU.

    gelu:       A = Z · Φ(Z),   Φ(Z) = erfc(−Z/√2) / 2              dZ = dA · (Φ(Z) + Z · φ(Z))          (1)
    gelu_tanh:  A = Z · σ(2y),  y = √(2/π) · (Z + 0.044715 Z³)      dZ = dA · (σ(2y) + Z · σ′(2y) · 2y′) (2)
    mish:       A = Z · ω,      ω = tanh(log(1 + exp(Z)))           dZ = dA · (ω + Z · σ(Z) · (1 − ω²))  (3)
    softplus:   A = log(1 + exp(βZ)) / β, or Z where βZ > threshold
                dZ = dA · σ(βZ), or dA there                                                             (4)
    softsign:   A = Z / (1 + |Z|)                                   dZ = dA / (1 + |Z|)²                 (5)
    tanhshrink: A = Z − tanh(Z)                                     dZ = dA · tanh²(Z)                   (6)

Φ and φ are the normal distribution and its density. Every exponent is at or below zero, so nothing overflows:
with e = exp(−|Z|), ω = n / d where (n, d) = (1 + 2e, n + 2e²) for Z ≥ 0 and (e² + 2e, n + 2) for Z < 0, and
log(1 + exp(s)) = max(s, 0) + log(1 + exp(−|s|)).

Hendrycks, Gimpel (2016) for (1) and (2); Misra (2019) for (3); Dugas et al. (2001) for (4); Bergstra et al.
(2009) for (5).
"""

import math

import numpy as np

from fovea import arguments
from fovea.arguments import Array
from fovea.reference.activation import logistic
from fovea.reference.quiet import quietly

CUBE = 0.044715  # of (2)


@quietly
def gelu(Z: Array) -> Array:
    """Z · Φ(Z) of an array of any shape, Φ being the normal distribution."""
    arguments.floats("gelu", Z=Z)
    return Z * _normal(Z)  # (1)


@quietly
def gelu_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · (Φ(Z) + Z · φ(Z)), φ being the normal density."""
    arguments.same_shape("gelu_backward", Z=Z, dA=dA)
    density = np.exp(-Z * Z / 2) / math.sqrt(2 * math.pi)
    return dA * (_normal(Z) + Z * density)  # (1)


@quietly
def gelu_tanh(Z: Array) -> Array:
    """Z · (1 + tanh(√(2/π) · (Z + 0.044715 Z³))) / 2 of an array of any shape, an approximation of `gelu`."""
    arguments.floats("gelu_tanh", Z=Z)
    return Z * logistic(_inner(Z))  # (2)


@quietly
def gelu_tanh_backward(dA: Array, Z: Array) -> Array:
    """dZ of `gelu_tanh`."""
    arguments.same_shape("gelu_tanh_backward", Z=Z, dA=dA)
    y2, slope = _inner(Z), math.sqrt(8 / math.pi) * (1 + 3 * CUBE * Z * Z)
    gate = logistic(y2)
    rest = logistic(-y2)  # where it is 0, the slope may be infinite
    return dA * (gate + Z * np.where(rest * gate == 0, 0 * gate, slope * gate * rest))  # (2)


@quietly
def mish(Z: Array) -> Array:
    """Z · tanh(log(1 + exp(Z))) of an array of any shape."""
    arguments.floats("mish", Z=Z)
    above, rest = _parts(Z)
    return Z * (above / (above + rest))  # (3)


@quietly
def mish_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · (ω + Z · σ(Z) · (1 − ω²)), ω = tanh(log(1 + exp(Z)))."""
    arguments.same_shape("mish_backward", Z=Z, dA=dA)
    above, rest = _parts(Z)
    gate = above / (above + rest)
    return dA * (gate + Z * logistic(Z) * (rest / (above + rest)) * (1 + gate))  # (3): 1 − ω is rest / d


@quietly
def softplus(Z: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta · Z)) / beta of an array of any shape, or Z where beta · Z > threshold."""
    arguments.floats("softplus", Z=Z)
    beta, threshold = arguments.numbers("softplus", beta=beta, threshold=threshold)
    s = beta * Z
    soft = (np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))) / beta
    return np.where(s > threshold, Z, soft)  # (4)


@quietly
def softplus_backward(dA: Array, Z: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """dZ = dA · σ(beta · Z), or dA where beta · Z > threshold."""
    arguments.same_shape("softplus_backward", Z=Z, dA=dA)
    beta, threshold = arguments.numbers("softplus_backward", beta=beta, threshold=threshold)
    s = beta * Z
    return np.where(s > threshold, dA, dA * logistic(s))  # (4)


@quietly
def softsign(Z: Array) -> Array:
    """Z / (1 + |Z|) of an array of any shape."""
    arguments.floats("softsign", Z=Z)
    return Z / (1 + np.abs(Z))  # (5)


@quietly
def softsign_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA / (1 + |Z|)²."""
    arguments.same_shape("softsign_backward", Z=Z, dA=dA)
    return dA / np.square(1 + np.abs(Z))  # (5)


@quietly
def tanhshrink(Z: Array) -> Array:
    """Z − tanh(Z) of an array of any shape."""
    arguments.floats("tanhshrink", Z=Z)
    return Z - np.tanh(Z)  # (6)


@quietly
def tanhshrink_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · tanh²(Z)."""
    arguments.same_shape("tanhshrink_backward", Z=Z, dA=dA)
    return dA * np.square(np.tanh(Z))  # (6)


def erf(Z: Array) -> Array:
    """The error function, of the type of Z."""
    return _erf(Z).astype(Z.dtype)


_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])  # NumPy has none


def _normal(Z: Array) -> Array:
    """Φ(Z), of the type of Z."""
    return (_erfc(-Z.astype(np.float64) / math.sqrt(2)) / 2).astype(Z.dtype)


def _inner(Z: Array) -> Array:
    """2y of (2)."""
    return math.sqrt(8 / math.pi) * Z * (1 + CUBE * Z * Z)


def _parts(Z: Array) -> tuple[Array, Array]:
    """n and d − n of (3)."""
    e, below = np.exp(-np.abs(Z)), Z < 0
    return np.where(below, e * e + 2 * e, 1 + 2 * e), np.where(below, 2 * np.ones((), Z.dtype), 2 * e * e)

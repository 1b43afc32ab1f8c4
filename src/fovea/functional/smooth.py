"""Smooth activations, each value by itself; no Z is too large for any of them."""

from fovea.arguments import Array
from fovea.functional.engines import operations


def gelu(Z: Array) -> Array:
    """Z · Φ(Z) of an array of any shape, Φ being the normal distribution."""
    return operations("smooth").gelu(Z)


def gelu_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · (Φ(Z) + Z · φ(Z)), φ being the normal density."""
    return operations("smooth").gelu_backward(dA, Z)


def gelu_tanh(Z: Array) -> Array:
    """Z · (1 + tanh(√(2/π) · (Z + 0.044715 Z³))) / 2 of an array of any shape: `gelu`, nearly."""
    return operations("smooth").gelu_tanh(Z)


def gelu_tanh_backward(dA: Array, Z: Array) -> Array:
    """dZ of `gelu_tanh`."""
    return operations("smooth").gelu_tanh_backward(dA, Z)


def mish(Z: Array) -> Array:
    """Z · tanh(log(1 + exp(Z))) of an array of any shape."""
    return operations("smooth").mish(Z)


def mish_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · (ω + Z · σ(Z) · (1 − ω²)), ω = tanh(log(1 + exp(Z)))."""
    return operations("smooth").mish_backward(dA, Z)


def softplus(Z: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta · Z)) / beta of an array of any shape, or Z where beta · Z > threshold."""
    return operations("smooth").softplus(Z, beta, threshold)


def softplus_backward(dA: Array, Z: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """dZ = dA · σ(beta · Z), or dA where beta · Z > threshold."""
    return operations("smooth").softplus_backward(dA, Z, beta, threshold)


def softsign(Z: Array) -> Array:
    """Z / (1 + |Z|) of an array of any shape."""
    return operations("smooth").softsign(Z)


def softsign_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA / (1 + |Z|)²."""
    return operations("smooth").softsign_backward(dA, Z)


def tanhshrink(Z: Array) -> Array:
    """Z − tanh(Z) of an array of any shape."""
    return operations("smooth").tanhshrink(Z)


def tanhshrink_backward(dA: Array, Z: Array) -> Array:
    """dZ = dA · tanh²(Z)."""
    return operations("smooth").tanhshrink_backward(dA, Z)

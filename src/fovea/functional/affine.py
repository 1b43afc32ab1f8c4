"""Channels, scaled and shifted."""

from fovea.arguments import Array, Vector
from fovea.functional.engines import operations


def affine(A_prev: Array, gamma: Vector, beta: Vector | None) -> Array:
    """Z = gamma · A_prev + beta, of the shape of A_prev: (N, H, W, C) or (N, C); the others (C,), beta or
    None."""
    return operations("affine").affine(A_prev, gamma, beta)


def affine_backward(dZ: Array, A_prev: Array, gamma: Vector) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev."""
    return operations("affine").affine_backward(dZ, A_prev, gamma)

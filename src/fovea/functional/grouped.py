"""Normalisation of each picture by itself."""

from fovea.arguments import Array, Vector
from fovea.functional.engines import operations


def group_norm(A_prev: Array, gamma: Vector, beta: Vector, groups: int, *, epsilon: float = 1e-5) -> Array:
    """Z = gamma · (A_prev − μ) / √(σ² + epsilon) + beta, of the shape of A_prev (N, H, W, C) or (N, C).

    μ and σ² are those of a picture's group of channels, `groups` of which make up all C; gamma and beta (C,).
    As many groups as channels make it instance normalisation.
    """
    return operations("grouped").group_norm(A_prev, gamma, beta, groups, epsilon=epsilon)


def group_norm_backward(
    dZ: Array, A_prev: Array, gamma: Vector, groups: int, *, epsilon: float = 1e-5
) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and what `group_norm` was given."""
    return operations("grouped").group_norm_backward(dZ, A_prev, gamma, groups, epsilon=epsilon)


def layer_norm(A_prev: Array, gamma: Vector, beta: Vector, *, epsilon: float = 1e-5) -> Array:
    """As `group_norm`, but μ and σ² are those of a pixel's channels."""
    return operations("grouped").layer_norm(A_prev, gamma, beta, epsilon=epsilon)


def layer_norm_backward(
    dZ: Array, A_prev: Array, gamma: Vector, *, epsilon: float = 1e-5
) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and what `layer_norm` was given."""
    return operations("grouped").layer_norm_backward(dZ, A_prev, gamma, epsilon=epsilon)

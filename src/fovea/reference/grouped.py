"""Normalisation within each picture: over groups of its channels, or over the channels of each pixel.

    μ[n, g] = Σ A_prev[n, …, k] / M,   σ²[n, g] = Σ (A_prev[n, …, k] − μ[n, g])² / M                     (1)
    x̂ = (A_prev − μ) / √(σ² + ε),   Z = γ x̂ + β                                                          (2)

The sums are over all pixels and over the C/G channels k of a group g, M numbers. Layer normalisation is that
of rows (N·H·W, C) with one group: over all channels of a pixel. Backward,

    dβ[c] = Σ dZ,   dγ[c] = Σ dZ x̂                                                                       (3)
    dA_prev = (γ dZ − (Σ γ dZ + x̂ Σ γ dZ x̂) / M) / √(σ² + ε)                                             (4)

with sums over pictures and pixels in (3), and over the same numbers as in (1) in (4), all in float64.

Ba, Kiros, Hinton: Layer normalization (2016); Ulyanov, Vedaldi, Lempitsky: Instance normalization (2016);
Wu, He: Group normalization (2018).
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array, Vector
from fovea.reference.quiet import quietly


@quietly
def group_norm(A_prev: Array, gamma: Vector, beta: Vector, groups: int, *, epsilon: float = 1e-5) -> Array:
    """Z = gamma · (A_prev − μ) / √(σ² + epsilon) + beta, of the shape of A_prev (N, H, W, C) or (N, C).

    μ and σ² are those of one of the `groups` groups of channels of a picture; gamma and beta are (C,). With
    groups = C, it is instance normalisation.
    """
    arguments.group_norm(A_prev, gamma, beta, groups, epsilon)
    x, _ = _normalised(A_prev, groups, epsilon)
    return (x.reshape(A_prev.shape) * gamma + beta).astype(A_prev.dtype)  # (2)


@quietly
def group_norm_backward(
    dZ: Array, A_prev: Array, gamma: Vector, groups: int, *, epsilon: float = 1e-5
) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and the arguments of
    `group_norm`."""
    arguments.group_norm_backward(dZ, A_prev, gamma, groups, epsilon)
    x, inverse = _normalised(A_prev, groups, epsilon)
    _, P, G, K = x.shape
    dY = dZ.reshape(x.shape).astype(np.float64)
    dbeta, dgamma = (terms.sum(axis=(0, 1)).reshape(-1) for terms in (dY, dY * x))  # (3)
    g = dY * gamma.reshape(G, K)
    sums = [terms.sum(axis=(1, 3), keepdims=True) for terms in (g, g * x)]
    dA_prev = (g - (sums[0] + x * sums[1]) / (P * K)) * inverse  # (4)
    dA_prev = dA_prev.reshape(A_prev.shape)
    return dA_prev.astype(dZ.dtype), dgamma.astype(dZ.dtype), dbeta.astype(dZ.dtype)


def layer_norm(A_prev: Array, gamma: Vector, beta: Vector, *, epsilon: float = 1e-5) -> Array:
    """As `group_norm`, with μ and σ² of the channels of each pixel."""
    arguments.group_norm(A_prev, gamma, beta, 1, epsilon, "layer_norm")
    return group_norm(_rows(A_prev), gamma, beta, 1, epsilon=epsilon).reshape(A_prev.shape)


def layer_norm_backward(
    dZ: Array, A_prev: Array, gamma: Vector, *, epsilon: float = 1e-5
) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and the arguments of
    `layer_norm`."""
    arguments.group_norm_backward(dZ, A_prev, gamma, 1, epsilon, "layer_norm_backward")
    dA_prev, dgamma, dbeta = group_norm_backward(_rows(dZ), _rows(A_prev), gamma, 1, epsilon=epsilon)
    return dA_prev.reshape(A_prev.shape), dgamma, dbeta


def _rows(A: Array) -> Array:
    return A.reshape(A.size // A.shape[-1], A.shape[-1])


def _normalised(A_prev: Array, groups: int, epsilon: float) -> tuple[Array, Array]:
    """x̂ (N, P, G, K) for P pixels and K channels per group, and 1/√(σ² + ε) (N, 1, G, 1), in float64."""
    N, C = len(A_prev), A_prev.shape[-1]
    pixels = int(np.prod(A_prev.shape[1:-1]))
    grouped = A_prev.reshape(N, pixels, groups, C // groups).astype(np.float64)
    centred = grouped - grouped.mean(axis=(1, 3), keepdims=True)
    inverse = 1 / np.sqrt(np.square(centred).mean(axis=(1, 3), keepdims=True) + epsilon)  # (1)
    return centred * inverse, inverse

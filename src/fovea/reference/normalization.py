"""Batch normalisation: every channel with mean 0 and variance 1 over the batch, then scaled and shifted.

    μ[c] = Σ A_prev[…, c] / M,   σ²[c] = Σ (A_prev[…, c] − μ[c])² / M                                (1)
    x̂ = (A_prev − μ) / √(σ² + ε)                                                                     (2)
    Z = γ x̂ + β                                                                                      (3)

Backward, from the gradient dZ of a cost, if μ and σ² are those of the batch and so depend on A_prev:

    dβ = Σ dZ,   dγ = Σ dZ x̂                                                                         (4)
    dA_prev = γ / √(σ² + ε) · (dZ − (dβ + x̂ dγ) / M)                                                 (5)

and if they are constants, such as the running statistics:

    dA_prev = γ / √(σ² + ε) · dZ                                                                     (6)

The sums, in float64, are over all axes except the last, the channels c: (N, H, W, C) or (N, n). M is the
number of values per channel.

Source: S. Ioffe and C. Szegedy, "Batch normalization", arXiv:1502.03167, algorithm 1; (5) combines their
chain of derivatives.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array, Vector
from fovea.reference.quiet import quietly


@quietly
def batch_statistics(A_prev: Array) -> tuple[Vector, Vector]:
    """Mean and variance of every channel, (C,) each, over A_prev (N, H, W, C) or (N, C).

    The variance is the biased one, with divisor M, the number of values per channel, which must be at least
    2.
    """
    arguments.batch_statistics(A_prev)
    rows = A_prev.reshape(-1, A_prev.shape[-1])  # (M, C)
    mean = rows.mean(axis=0, dtype=np.float64)  # (1)
    variance = np.square(rows - mean).mean(axis=0)  # (1)
    return mean.astype(A_prev.dtype), variance.astype(A_prev.dtype)


@quietly
def batch_norm(
    A_prev: Array, mean: Vector, variance: Vector, gamma: Vector, beta: Vector, *, epsilon: float = 1e-5
) -> Array:
    """Z = gamma · (A_prev − mean) / √(variance + epsilon) + beta, of the shape of A_prev.

    A_prev (N, H, W, C) or (N, C), the others (C,). In training, mean and variance are the `batch_statistics`
    of A_prev; in inference, the running ones.
    """
    arguments.batch_norm(A_prev, mean, variance, gamma, beta, epsilon)
    scale = gamma / np.sqrt(variance + A_prev.dtype.type(epsilon))
    return (A_prev - mean) * scale + beta  # (2), (3)


@quietly
def batch_norm_backward(
    dZ: Array,
    A_prev: Array,
    mean: Vector,
    variance: Vector,
    gamma: Vector,
    *,
    epsilon: float = 1e-5,
    of_batch: bool = True,
) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and the arguments of `batch_norm`.

    `of_batch`: mean and variance are those of A_prev and change with it, as in training.
    """
    arguments.batch_norm_backward(dZ, A_prev, mean, variance, gamma, epsilon, of_batch)
    C, M = A_prev.shape[-1], A_prev.size // A_prev.shape[-1]
    inverse = 1 / np.sqrt(variance + A_prev.dtype.type(epsilon))  # (C,)
    x = (A_prev - mean) * inverse  # (2)
    dbeta = dZ.reshape(-1, C).sum(axis=0, dtype=np.float64).astype(dZ.dtype)  # (4)
    dgamma = (dZ * x).reshape(-1, C).sum(axis=0, dtype=np.float64).astype(dZ.dtype)  # (4)
    if of_batch:
        dZ = dZ - (dbeta + x * dgamma) / dZ.dtype.type(M)
    return gamma * inverse * dZ, dgamma, dbeta  # (5), (6)

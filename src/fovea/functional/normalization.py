"""Batch normalisation."""

from fovea.arguments import Array, Vector
from fovea.functional.engines import operations


def batch_statistics(A_prev: Array) -> tuple[Vector, Vector]:
    """Mean and variance of every channel, (C,) each, over A_prev (N, H, W, C) or (N, C).

    The variance is that of the batch, with a divisor of as many numbers as a channel has. These must be two
    at least.
    """
    return operations("normalization").batch_statistics(A_prev)


def batch_norm(
    A_prev: Array, mean: Vector, variance: Vector, gamma: Vector, beta: Vector, *, epsilon: float = 1e-5
) -> Array:
    """Z = gamma · (A_prev − mean) / √(variance + epsilon) + beta, of the shape of A_prev.

    A_prev (N, H, W, C) or (N, C), the others (C,). In training, mean and variance are those that
    `batch_statistics` gives of A_prev; in inference, the running ones.
    """
    return operations("normalization").batch_norm(A_prev, mean, variance, gamma, beta, epsilon=epsilon)


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
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev and what `batch_norm` was given.

    `of_batch` says that mean and variance are A_prev's own; then they change with it, as in training.
    """
    return operations("normalization").batch_norm_backward(
        dZ, A_prev, mean, variance, gamma, epsilon=epsilon, of_batch=of_batch
    )

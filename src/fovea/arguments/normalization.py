"""Batch normalisation."""

from fovea.arguments.arrays import Array, Vector, channels_last, floats, same_shape, shape_of
from fovea.arguments.scalars import above_zero, truth
from fovea.errors import ShapeError, mismatch


def batch_statistics(A_prev: Array, who: str = "batch_statistics") -> None:
    """A_prev (N, H, W, C) or (N, C), with at least two numbers per channel."""
    floats(who, A_prev=A_prev)
    channels_last(who, A_prev)
    if A_prev.size < 2 * A_prev.shape[-1]:
        remedy = "one number has no variance: give at least two pictures"
        raise ShapeError(mismatch(who, "A_prev with two numbers per channel", A_prev.shape, remedy))


def batch_norm(
    A_prev: Array,
    mean: Vector,
    variance: Vector,
    gamma: Vector,
    beta: Vector,
    epsilon: float,
    who: str = "batch_norm",
) -> None:
    """A_prev (N, H, W, C) or (N, C), the others (C,), `epsilon` above 0."""
    vectors = {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta}
    floats(who, A_prev=A_prev, **vectors)
    channels_last(who, A_prev)
    for name, vector in vectors.items():
        shape_of(who, name, vector, (A_prev.shape[-1],), "one number for each channel")
    above_zero(who, "epsilon", epsilon)


def batch_norm_backward(
    dZ: Array,
    A_prev: Array,
    mean: Vector,
    variance: Vector,
    gamma: Vector,
    epsilon: float,
    of_batch: bool,
    who: str = "batch_norm_backward",
) -> None:
    """As `batch_norm`, and dZ of the shape of A_prev; `of_batch` needs two numbers per channel."""
    batch_norm(A_prev, mean, variance, gamma, gamma, epsilon, who)
    if truth(of_batch, f"{who}: of_batch"):
        batch_statistics(A_prev, who)
    same_shape(who, A_prev=A_prev, dZ=dZ)

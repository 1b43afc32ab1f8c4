"""Normalisation within each picture."""

from fovea.arguments.arrays import Array, Vector, channels_last, floats, same_shape, shape_of
from fovea.arguments.scalars import above_zero
from fovea.errors import ShapeError, mismatch
from fovea.names import counted
from fovea.ranges import whole


def group_norm(
    A_prev: Array,
    gamma: Vector,
    beta: Vector,
    groups: int,
    epsilon: float,
    who: str = "group_norm",
) -> None:
    """A_prev (N, H, W, C) or (N, C), the others (C,), C a multiple of `groups`, `epsilon` above 0."""
    vectors = {"gamma": gamma, "beta": beta}
    floats(who, A_prev=A_prev, **vectors)
    channels_last(who, A_prev)
    for name, vector in vectors.items():
        shape_of(who, name, vector, (A_prev.shape[-1],), "one number for each channel")
    groups_of(A_prev.shape[-1], groups, who)
    above_zero(who, "epsilon", epsilon)


def group_norm_backward(
    dZ: Array,
    A_prev: Array,
    gamma: Vector,
    groups: int,
    epsilon: float,
    who: str = "group_norm_backward",
) -> None:
    """As `group_norm`, and dZ of the shape of A_prev."""
    group_norm(A_prev, gamma, gamma, groups, epsilon, who)
    same_shape(who, A_prev=A_prev, dZ=dZ)


def groups_of(channels: int, groups: int, who: str) -> None:
    """A number of groups that divides the channels."""
    if channels % whole(groups, who, "groups"):
        expected = f"groups that divide {counted(channels, 'channel')}"
        raise ShapeError(mismatch(who, expected, groups, "choose a divisor of the number of channels"))

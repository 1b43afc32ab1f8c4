"""Values moved to other positions."""

from collections.abc import Sequence
from operator import index
from typing import Any

from fovea.arguments.arrays import Volume, floats, volume
from fovea.errors import ShapeError, mismatch
from fovea.ranges import short, whole

BLOCKS = ("DCR", "CRD")


def blocks(block: Any, mode: Any, who: str) -> int:
    """`block` as a whole number above 0, with a valid `mode`."""
    if mode not in BLOCKS:
        raise ShapeError(mismatch(f"{who}: mode", " or ".join(map(repr, BLOCKS)), repr(mode)))
    return whole(block, who, "block")


def depth_to_space(A_prev: Volume, block: int, mode: str, who: str = "depth_to_space") -> int:
    """A_prev (N, H, W, C · block²)."""
    floats(who, A_prev=A_prev)
    volume(who, "A_prev", A_prev, "C")
    side = blocks(block, mode, who)
    if A_prev.shape[3] % side**2:
        raise ShapeError(mismatch(who, f"a multiple of {side**2} channels", A_prev.shape[3]))
    return side


def space_to_depth(A_prev: Volume, block: int, mode: str, who: str = "space_to_depth") -> int:
    """A_prev (N, H · block, W · block, C)."""
    floats(who, A_prev=A_prev)
    volume(who, "A_prev", A_prev, "C")
    side = blocks(block, mode, who)
    if A_prev.shape[1] % side or A_prev.shape[2] % side:
        raise ShapeError(mismatch(who, f"rows and columns in multiples of {side}", A_prev.shape[1:3]))
    return side


def channels(order: Any, count: int | None, who: str) -> tuple[int, ...]:
    """`order` as numbers of channels, at least one, none twice, all below `count` if that is known."""
    try:
        numbers = tuple(map(index, order)) if isinstance(order, Sequence) else ()
    except TypeError:
        numbers = ()
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ShapeError(mismatch(f"{who}: order", "numbers of channels from 0, none twice", short(order)))
    if count is not None and max(numbers) >= count:
        raise ShapeError(mismatch(f"{who}: order", f"numbers below {count}", max(numbers)))
    return numbers


def taken(A_prev: Volume, order: Any, who: str = "take_channels") -> tuple[int, ...]:
    """A_prev (N, H, W, C) with all channels of `order`."""
    floats(who, A_prev=A_prev)
    volume(who, "A_prev", A_prev, "C")
    return channels(order, A_prev.shape[3], who)


def taken_backward(
    dA: Volume, order: Any, count: int, who: str = "take_channels_backward"
) -> tuple[int, ...]:
    """dA (N, H, W, channels of `order`), of `count` channels."""
    floats(who, dA=dA)
    numbers = channels(order, whole(count, who, "channels"), who)
    volume(who, "dA", dA, len(numbers))
    return numbers

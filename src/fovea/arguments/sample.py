"""Sampling by tables."""

from collections.abc import Sequence
from typing import Any

from fovea.arguments.arrays import Volume, floats, volume
from fovea.arguments.scalars import finite
from fovea.errors import ShapeError, mismatch
from fovea.geometry.borders import MODES
from fovea.ranges import MOST, short, whole


def picture(who: str, name: str, array: Volume) -> None:
    """Pictures (N, H, W, C) of floating-point numbers."""
    floats(who, **{name: array})
    volume(who, name, array, "C")


def sampled(A_prev: Volume, size: tuple[int, int], fill: float, who: str = "sample2d") -> float:
    """A_prev (N, H, W, C) with `size` = (H, W), that of the tables; returns `fill`, a finite number."""
    picture(who, "A_prev", A_prev)
    if A_prev.shape[1:3] != size:
        raise ShapeError(
            mismatch(who, f"{size[0]}×{size[1]} pixels", A_prev.shape, "a gradient has the output's size")
        )
    return finite(fill, f"{who}: value")


def sides(padding: Any, mode: Any, who: str) -> tuple[int, ...]:
    """Four whole numbers (top, bottom, left, right), negative ones to crop, with a valid `mode`."""
    if mode not in MODES:
        raise ShapeError(mismatch(f"{who}: mode", ", ".join(map(repr, MODES)), short(mode)))
    if not isinstance(padding, Sequence) or isinstance(padding, str | bytes) or len(padding) != 4:
        raise ShapeError(mismatch(f"{who}: padding", "four (top, bottom, left, right)", short(padding)))
    return tuple(whole(n, who, "padding", -MOST) for n in padding)

"""Pictures sampled by tables."""

import numpy as np

from fovea.arguments.arrays import Volume, floats, volume
from fovea.errors import ShapeError, mismatch


def picture(who: str, name: str, array: Volume) -> None:
    """Pictures (N, H, W, C) of floating-point numbers."""
    floats(who, **{name: array})
    volume(who, name, array, "C")


def sampled(A_prev: Volume, size: tuple[int, int], fill: float, who: str = "sample2d") -> None:
    """A_prev (N, H, W, C) with `size` = (H, W), that of the tables; a finite `fill`."""
    picture(who, "A_prev", A_prev)
    if A_prev.shape[1:3] != size:
        raise ShapeError(
            mismatch(who, f"{size[0]}×{size[1]} pixels", A_prev.shape, "the gradient's are the output's")
        )
    if not np.isfinite(fill):
        raise ShapeError(mismatch(f"{who}: value", "a finite number", fill))

"""Pictures sampled by tables."""

import numpy as np

from fovea.arguments.arrays import Volume, floats, volume
from fovea.errors import ShapeError, mismatch


def sampled(A_prev: Volume, size: tuple[int, int], fill: float, who: str = "sample2d") -> None:
    """A_prev (N, H, W, C) with `size` = (H, W), that of the tables; a finite `fill`."""
    floats(who, A_prev=A_prev)
    volume(who, "A_prev", A_prev, "C")
    if A_prev.shape[1:3] != size:
        raise ShapeError(
            mismatch(who, f"{size[0]}×{size[1]} pixels", A_prev.shape, "the gradient's are the output's")
        )
    if not np.isfinite(fill):
        raise ShapeError(mismatch(f"{who}: value", "a finite number", fill))

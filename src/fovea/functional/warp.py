"""Pictures moved."""

import numpy as np

from fovea.arguments import Volume
from fovea.functional.engines import operations
from fovea.geometry import Pair


def warp(pictures: Volume, matrices: np.ndarray, out_size: int | Pair, *, mode: str = "constant") -> Volume:
    """Move pictures: uint8 (N, H, W, C) → uint8 (N, H2, W2, C) with `out_size` (H2, W2).

    matrices float32 (N, 2, 3) map the output's (x, y, 1), column and row of a pixel's centre, to the place in
    the input that it shows. Between pixels the picture is bilinear; halves round up. Outside it is 0, or with
    the `mode` "reflect" its own mirror image.
    """
    return operations("warp").warp(pictures, matrices, out_size, mode=mode)

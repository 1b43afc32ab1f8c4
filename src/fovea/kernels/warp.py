"""Affine maps of pictures; the pipeline is in pipelines/warp.py."""

import numpy as np

from fovea import arguments, reference
from fovea.geometry import Pair
from fovea.kernels import buffers
from fovea.kernels.call import run


def warp(pictures, matrices, out_size: int | Pair, *, mode: str = "constant") -> np.ndarray:
    """As `fovea.reference.warp`."""
    height, width = arguments.warp(pictures, matrices, out_size, mode)
    if not len(pictures):
        return reference.warp(pictures, matrices, out_size, mode=mode)
    N, H, W, C = pictures.shape
    result = buffers.empty((N, height, width, C), np.uint8)
    shapes = {"size": (H, W), "out_size": (height, width), "channels": C}
    run("warp.warp", {"pictures": pictures, "matrices": matrices}, {"out": result}, mode=mode, **shapes)
    return result

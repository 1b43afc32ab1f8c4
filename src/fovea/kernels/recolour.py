"""Affine maps of colours; the pipeline is in pipelines/recolour.py."""

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def recolour(pictures, matrices) -> np.ndarray:
    """As `fovea.reference.recolour`."""
    arguments.recolour(pictures, matrices)
    if not len(pictures):
        return reference.recolour(pictures, matrices)
    N, H, W, C = pictures.shape
    pixels, result = pictures.reshape(N, H * W, C), buffers.empty((N, H * W, C), np.uint8)
    inputs, settings = {"pictures": pixels, "matrices": matrices}, {"channels": C, "pixels": H * W}
    run("recolour.recolour", inputs, {"out": result}, **settings, vector=tiles.vector())
    return result.reshape(pictures.shape)

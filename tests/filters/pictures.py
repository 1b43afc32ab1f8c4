"""Pictures to try filters on."""

import numpy as np

TYPES = ("uint8", "uint16", "float32", "float64")
SHAPES = ((1, 1), (1, 9), (7, 1), (3, 40), (2, 3, 3), (45, 130), (33, 61, 3), (20, 15, 1))
WHITE = {"uint8": 255, "uint16": 65535}


def picture(shape, dtype, seed=0):
    """Noise from black to white."""
    noise = np.random.default_rng(seed).random(shape)
    return np.rint(noise * WHITE[dtype]).astype(dtype) if dtype in WHITE else noise.astype(dtype)

"""Upsampling, NHWC; the pipelines are in pipelines/upsample.py."""

import numpy as np

from fovea import arguments
from fovea.geometry import Pair
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def upsample2d(A_prev, factor: int | Pair, *, mode: str = "nearest") -> np.ndarray:
    """As `fovea.reference.upsample2d`."""
    f_H, f_W = arguments.upsample(A_prev, factor, mode)
    arguments.float32("upsample2d", A_prev=A_prev)
    N, H, W, C = A_prev.shape
    settings = {"size": (H, W), "factor": (f_H, f_W), "mode": mode, "channels": C}
    A = buffers.empty((N, H * f_H, W * f_W, C))
    if N:
        run("upsample.forward", {"A_prev": A_prev[..., None]}, {"A": A[..., None]}, **settings, **_layout())
    return A


def upsample2d_backward(dA, factor: int | Pair, *, mode: str = "nearest") -> np.ndarray:
    """As `fovea.reference.upsample2d_backward`."""
    f_H, f_W = arguments.upsample_backward(dA, factor, mode)
    arguments.float32("upsample2d_backward", dA=dA)
    N, H, W, C = dA.shape[0], dA.shape[1] // f_H, dA.shape[2] // f_W, dA.shape[3]
    settings = {"size": (H, W), "factor": (f_H, f_W), "mode": mode, "channels": C}
    dA_prev = buffers.empty((N, H, W, C))
    if N:
        run(
            "upsample.backward",
            {"dA": dA[..., None]},
            {"dA_prev": dA_prev[..., None]},
            **settings,
            **_layout(),
        )
    return dA_prev


def _layout() -> dict[str, int]:
    return {"lanes": 1, "vector": tiles.vector()}

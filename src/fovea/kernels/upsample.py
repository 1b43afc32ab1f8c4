"""Larger pictures, NHWC; the pipelines are in pipelines/upsample.py."""

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
    return _run("forward", A_prev, (N, H * f_H, W * f_W, C), (H, W), (f_H, f_W), mode)


def upsample2d_backward(dA, factor: int | Pair, *, mode: str = "nearest") -> np.ndarray:
    """As `fovea.reference.upsample2d_backward`."""
    f_H, f_W = arguments.upsample_backward(dA, factor, mode)
    arguments.float32("upsample2d_backward", dA=dA)
    N, H, W, C = dA.shape[0], dA.shape[1] // f_H, dA.shape[2] // f_W, dA.shape[3]
    return _run("backward", dA, (N, H, W, C), (H, W), (f_H, f_W), mode)


def _run(phase: str, source: np.ndarray, shape: tuple, size: Pair, factor: Pair, mode: str) -> np.ndarray:
    target = buffers.empty(shape)
    if len(source):
        how = {"size": size, "factor": factor, "mode": mode, "channels": shape[3], "lanes": 1}
        run(f"upsample.{phase}", [source[..., None]], [target[..., None]], **how, vector=tiles.vector())
    return target

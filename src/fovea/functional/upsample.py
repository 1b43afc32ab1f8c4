"""Larger pictures."""

from fovea.arguments import Volume
from fovea.functional.engines import operations
from fovea.geometry import Pair


def upsample2d(A_prev: Volume, factor: int | Pair, *, mode: str = "nearest") -> Volume:
    """Larger pictures, A (N, f_H · H, f_W · W, C): `factor` is one number, or for height and width.

    `mode` is "nearest", where every pixel is repeated, or "bilinear", as PyTorch's `interpolate` with
    `align_corners=False`.
    """
    return operations("upsample").upsample2d(A_prev, factor, mode=mode)


def upsample2d_backward(dA: Volume, factor: int | Pair, *, mode: str = "nearest") -> Volume:
    """dA_prev (N, H, W, C), from dA (N, f_H · H, f_W · W, C)."""
    return operations("upsample").upsample2d_backward(dA, factor, mode=mode)

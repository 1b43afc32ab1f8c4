"""Upsampling: every pixel becomes f_H × f_W pixels.

    nearest:   A[y, x] = A_prev[⌊y / f_H⌋, ⌊x / f_W⌋]                                                (1)
    bilinear:  A[y, x] = Σ_{i, j} max(0, 1 − |y' − i|) · max(0, 1 − |x' − j|) · A_prev[i, j],
               y' = (y + ½) / f_H − ½,   x' = (x + ½) / f_W − ½                                      (2)

y', x' is the position of the new pixel's centre among the old pixels; beyond the border, the nearest pixel
counts. In (2), at most two rows and two columns have a share. The gradient of an old pixel is the sum of the
new pixels' gradients, weighted by its shares in them. As in PyTorch's `interpolate` with
`align_corners=False`.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Volume
from fovea.geometry import Pair
from fovea.reference.quiet import quietly


@quietly
def upsample2d(A_prev: Volume, factor: int | Pair, *, mode: str = "nearest") -> Volume:
    """Upsample pictures to A (N, f_H · H, f_W · W, C); `factor` is one number, or (f_H, f_W).

    `mode` is "nearest", which repeats every pixel, or "bilinear", as in PyTorch's `interpolate` with
    `align_corners=False`.
    """
    factors = arguments.upsample(A_prev, factor, mode)
    A = A_prev
    for axis, f in zip((1, 2), factors, strict=True):
        (pixel, share), *others = shares(A.shape[axis], f, mode)
        total = _along(axis, share.astype(A.dtype)) * A.take(pixel, axis)
        for pixel, share in others:
            total += _along(axis, share.astype(A.dtype)) * A.take(pixel, axis)
        A = total  # (1), (2)
    return A


@quietly
def upsample2d_backward(dA: Volume, factor: int | Pair, *, mode: str = "nearest") -> Volume:
    """dA_prev (N, H, W, C), from dA (N, f_H · H, f_W · W, C)."""
    factors = arguments.upsample_backward(dA, factor, mode)
    for axis, f in zip((1, 2), factors, strict=True):
        shape = list(dA.shape)
        shape[axis] //= f
        dA_prev = np.zeros(shape, dA.dtype)
        for pixel, share in shares(shape[axis], f, mode):
            of_share = _along(axis, share.astype(dA.dtype)) * dA
            np.add.at(np.moveaxis(dA_prev, axis, 0), pixel, np.moveaxis(of_share, axis, 0))
        dA = dA_prev
    return dA


def shares(n: int, f: int, mode: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Along an axis of n pixels: old pixels (n · f,) for the new ones, and their shares."""
    new = np.arange(n * f)
    if mode == "nearest":
        return [(new // f, np.ones(n * f))]
    position = (new + 0.5) / f - 0.5
    before = np.floor(position)
    share = position - before
    both = [(before, 1 - share), (before + 1, share)]
    return [(np.clip(pixel, 0, n - 1).astype(int), share) for pixel, share in both]


def _along(axis: int, values: np.ndarray) -> np.ndarray:
    return values.reshape([-1 if a == axis else 1 for a in range(4)])

"""Affine maps of pictures: shifts, turns, flips and crops in one pass.

    (x', y')ᵀ = M · (x, y, 1)ᵀ                                                                       (1)
    out[y, x] = ⌊Σ_uv (1 − |x' − u|)(1 − |y' − v|) · in[v, u] + ½⌋, the four (u, v) around (x', y')  (2)

M maps a place in the output to the place in the input that it shows (the inverse of the picture's movement).
The centre of the pixel in column x and row y lies at (x, y); what lies outside the input is black.
"""

import numpy as np

from fovea import checks
from fovea.checks import Volume
from fovea.geometry import Pair
from fovea.reference.quiet import quietly


@quietly
def warp(pictures: Volume, matrices: np.ndarray, out_size: int | Pair) -> Volume:
    """uint8 (N, H, W, C) → uint8 (N, H2, W2, C); `matrices` float32 (N, 2, 3), `out_size` (H2, W2)."""
    H2, W2 = checks.warp(pictures, matrices, out_size)
    N, H, W, _ = pictures.shape
    M = matrices[:, :, :, None, None]  # (N, 2, 3, 1, 1)
    x, y = np.arange(W2, dtype=np.float32), np.arange(H2, dtype=np.float32)[:, None]
    places = M[:, :, 0] * x + M[:, :, 1] * y + M[:, :, 2]  # (1) (N, 2, H2, W2)
    # Beyond one pixel from the border everything is black: clipped, the numbers fit whole numbers.
    u, v = np.clip(places[:, 0], -1, W), np.clip(places[:, 1], -1, H)  # (N, H2, W2)
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    fraction_u, fraction_v = (u - u0)[..., None].astype(np.float32), (v - v0)[..., None].astype(np.float32)

    framed = np.zeros(
        (N, H + 3, W + 3, pictures.shape[3]), np.float32
    )  # pixel (v, u) is framed[v + 1, u + 1]
    framed[:, 1 : H + 1, 1 : W + 1] = pictures
    n = np.arange(N)[:, None, None]
    out = np.full((N, H2, W2, pictures.shape[3]), 0.5, np.float32)
    for dv, weight_v in ((0, 1 - fraction_v), (1, fraction_v)):
        for du, weight_u in ((0, 1 - fraction_u), (1, fraction_u)):
            out += weight_v * weight_u * framed[n, v0 + dv + 1, u0 + du + 1]  # (2)
    return out.astype(np.uint8)  # (2) whole numbers below: no value is negative

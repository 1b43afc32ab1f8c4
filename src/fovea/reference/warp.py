"""Affine maps of pictures: shifts, turns, flips and crops in one pass.

    (x', y')ᵀ = M · (x, y, 1)ᵀ                                                                       (1)
    out[y, x] = ⌊Σ_uv (1 − |x' − u|)(1 − |y' − v|) · in[v, u] + ½⌋, the four (u, v) around (x', y')  (2)

M maps a place in the output to the place in the input that it shows (the inverse of the picture's movement).
The centre of the pixel in column x and row y lies at (x, y). What lies outside the input is black, or, with
the mode "reflect", its mirror image at the border: d c b a | a b c d | d c b a.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Volume
from fovea.geometry import Pair
from fovea.reference.quiet import quietly

REACH = 1 << 20  # pixels beyond the border: whatever is farther away is as there


@quietly
def warp(pictures: Volume, matrices: np.ndarray, out_size: int | Pair, *, mode: str = "constant") -> Volume:
    """Move pictures: uint8 (N, H, W, C) → uint8 (N, H2, W2, C) with `out_size` (H2, W2).

    matrices float32 (N, 2, 3) map the output's (x, y, 1), column and row of a pixel's centre, to the place in
    the input that it shows. Between pixels the picture is bilinear; halves round up. Outside it is 0, or with
    the `mode` "reflect" its own mirror image.
    """
    H2, W2 = arguments.warp(pictures, matrices, out_size, mode)
    N, H, W, _ = pictures.shape
    M = matrices[:, :, :, None, None]  # (N, 2, 3, 1, 1)
    x, y = np.arange(W2, dtype=np.float32), np.arange(H2, dtype=np.float32)[:, None]
    places = M[:, :, 0] * x + M[:, :, 1] * y + M[:, :, 2]  # (1) (N, 2, H2, W2)
    far = REACH if mode == "reflect" else 1
    u, v = (np.clip(places[:, axis], -far, n + far - 1) for axis, n in ((0, W), (1, H)))  # (N, H2, W2)
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    fraction_u, fraction_v = (u - u0)[..., None].astype(np.float32), (v - v0)[..., None].astype(np.float32)

    # Black lies one pixel wide around the picture, and all that is farther away is on it.
    framed = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0))).astype(np.float32)
    n = np.arange(N)[:, None, None]
    out = np.full((N, H2, W2, pictures.shape[3]), 0.5, np.float32)
    for dv, weight_v in ((0, 1 - fraction_v), (1, fraction_v)):
        for du, weight_u in ((0, 1 - fraction_u), (1, fraction_u)):
            row, column = _place(v0 + dv, H, mode), _place(u0 + du, W, mode)
            out += weight_v * weight_u * framed[n, row + 1, column + 1]  # (2)
    return out.astype(np.uint8)  # (2) whole numbers below: no value is negative


def _place(i: np.ndarray, n: int, mode: str) -> np.ndarray:
    """Where in 0 … n − 1 what stands at position i comes from; −1 and n are black."""
    if mode != "reflect":
        return np.clip(i, -1, n)
    i = i % (2 * n)
    return np.minimum(i, 2 * n - 1 - i)

"""Affine maps of pictures: shifts, rotations, flips and crops in one pass.

    (x', y')ᵀ = M · (x, y, 1)ᵀ                                                                       (1)
    out[y, x] = ⌊Σ_uv (1 − |x' − u|)(1 − |y' − v|) · in[v, u] + ½⌋, the four (u, v) around (x', y')  (2)

M maps a position in the output to the position in the input that it shows (the inverse of the picture's
movement). The centre of the pixel in column x and row y is (x, y). Outside, the input is black or, with mode
"reflect", mirrored at its border: d c b a | a b c d | d c b a.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Volume
from fovea.geometry import Pair
from fovea.reference.quiet import quietly

REACH = 1 << 20  # pixels beyond the border, to which farther positions are clipped


@quietly
def warp(pictures: Volume, matrices: np.ndarray, out_size: int | Pair, *, mode: str = "constant") -> Volume:
    """Move pictures: uint8 (N, H, W, C) → uint8 (N, H2, W2, C) with `out_size` (H2, W2).

    matrices float32 (N, 2, 3) map the output's (x, y, 1), column and row of a pixel's centre, to the position
    in the input that it shows. Interpolation is bilinear; halves round up. Outside, the input is 0, or
    mirrored with `mode` "reflect".
    """
    H2, W2 = arguments.warp(pictures, matrices, out_size, mode)
    N, H, W, _ = pictures.shape
    M = matrices[:, :, :, None, None]  # (N, 2, 3, 1, 1)
    x, y = np.arange(W2, dtype=np.float32), np.arange(H2, dtype=np.float32)[:, None]
    sources = M[:, :, 0] * x + M[:, :, 1] * y + M[:, :, 2]  # (1) (N, 2, H2, W2)
    far = REACH if mode == "reflect" else 1
    u, v = (np.clip(sources[:, axis], -far, n + far - 1) for axis, n in ((0, W), (1, H)))  # (N, H2, W2)
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    fraction_u, fraction_v = (u - u0)[..., None].astype(np.float32), (v - v0)[..., None].astype(np.float32)

    # A black border one pixel wide, to which all positions outside are clipped.
    framed = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0))).astype(np.float32)
    n = np.arange(N)[:, None, None]
    out = np.full((N, H2, W2, pictures.shape[3]), 0.5, np.float32)
    for dv, weight_v in ((0, 1 - fraction_v), (1, fraction_v)):
        for du, weight_u in ((0, 1 - fraction_u), (1, fraction_u)):
            row, column = _index(v0 + dv, H, mode), _index(u0 + du, W, mode)
            out += weight_v * weight_u * framed[n, row + 1, column + 1]  # (2)
    return out.astype(np.uint8)  # (2) whole numbers below: no value is negative


def _index(i: np.ndarray, n: int, mode: str) -> np.ndarray:
    """The index of the pixel at position i; −1 and n are the black border."""
    if mode != "reflect":
        return np.clip(i, -1, n)
    i = i % (2 * n)
    return np.minimum(i, 2 * n - 1 - i)

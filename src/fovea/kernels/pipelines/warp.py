"""Affine maps of pictures, by the formulas of reference/warp.py, in the same order of operations.

(x', y') = M · (x, y, 1);  out[y, x] = ⌊Σ_uv (1 − |x' − u|)(1 − |y' − v|) · in[v, u] + ½⌋               (1)
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import Float, array, result, variables

_REACH = 1 << 20  # as in the reference


def warp(*, size, out_size, channels, mode):
    """(1) for each picture with its own matrix; outside, pictures are black, or mirrored if `mode` is
    "reflect"."""
    (H, W), (height, width), C = size, out_size, channels
    far = _REACH if mode == "reflect" else 1

    # Algorithm
    pictures = array("pictures", [C, W, H], hl.UInt(8))
    matrices = array("matrices", [3, 2])
    c, x, y, n = variables("c x y n")
    position, out = hl.Func("position"), hl.Func("out")
    column, line = hl.cast(Float, x), hl.cast(Float, y)
    M = matrices
    position[x, y, n] = tuple(
        hl.clamp(
            M[0, axis, n] * column + M[1, axis, n] * line + M[2, axis, n],
            hl.f32(-far),
            hl.f32(extent + far - 1),
        )
        for axis, extent in ((0, W), (1, H))
    )
    u, v = position[x, y, n][0], position[x, y, n][1]
    u0, v0 = hl.cast(hl.Int(32), hl.floor(u)), hl.cast(hl.Int(32), hl.floor(v))
    fraction_u, fraction_v = u - hl.cast(Float, u0), v - hl.cast(Float, v0)
    total = hl.f32(0.5)
    for dv, weight_v in ((0, 1.0 - fraction_v), (1, fraction_v)):
        for du, weight_u in ((0, 1.0 - fraction_u), (1, fraction_u)):
            px, py = u0 + du, v0 + dv
            inside = (px >= 0) & (px < W) & (py >= 0) & (py < H)
            if mode == "reflect":
                px, py = _reflected(px, W), _reflected(py, H)
            value = hl.cast(Float, pictures[c, hl.clamp(px, 0, W - 1), hl.clamp(py, 0, H - 1), n])
            total = total + weight_v * weight_u * (
                value if mode == "reflect" else hl.select(inside, value, ZERO)
            )
    out[c, x, y, n] = hl.cast(hl.UInt(8), total)

    # Schedule: vectors of columns; the four pixels of each are gathered one by one, which limits the kernel.
    #   (64, 224, 224, 3), rotated: 24 ms; mirrored: 26 ms.
    result(out, [C, width, height])
    out.reorder(c, x, y, n).unroll(c).vectorize(x, 8, hl.TailStrategy.GuardWithIf).parallel(n)
    return {"out": out}, [pictures, matrices]


def _reflected(i: hl.Expr, n: int) -> hl.Expr:
    """The pixel at position i of n mirrored pixels."""
    i = i % (2 * n)  # never negative in Halide
    return hl.min(i, 2 * n - 1 - i)

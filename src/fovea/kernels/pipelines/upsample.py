"""Upsampling and its gradient: formulas in `fovea.reference.upsample`.

Positions are whole numbers, 2f per pixel: new pixel y = f·i + p is 2p + 1 − f beyond the centre of old pixel
i, and its share of it is 1 − |2p + 1 − f| / 2f.

Memory limits these kernels: vectors of channels, rows in parallel. (64, 32, 32, 64) to 64×64: nearest 1.9 ms
(45 GB/s), its gradient 4.0 ms (21 GB/s); bilinear 2.3 ms (37 GB/s), its gradient 6.7 ms (13 GB/s).
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import Float, array, result, variables
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.pipelines.vectors import vectorize_channels

ONE = hl.f32(1.0)


def forward(*, size, factor, mode, channels, lanes, vector):
    """A, for pictures of `size` (H, W)."""
    numbers = Numbers()
    (H, W), (f_H, f_W) = numbers.size(size), factor
    A_prev, A = array("A_prev", [lanes, channels, W, H]), hl.Func("A")
    l, c, x, y, n = variables("l c x y n")
    if mode == "nearest":
        A[l, c, x, y, n] = A_prev[l, c, x // f_W, y // f_H, n]
    else:
        (above, below, of_row), (left, right, of_column) = _between(y, f_H, H), _between(x, f_W, W)
        first, second = (
            _mean(A_prev[l, c, left, i, n], A_prev[l, c, right, i, n], of_column) for i in (above, below)
        )
        A[l, c, x, y, n] = hl.strict_float(_mean(first, second, of_row))  # the same bits in every layout
    return {"A": _schedule(A, (H * f_H, W * f_W), channels, lanes, vector)}, [A_prev, *numbers.arguments]


def backward(*, size, factor, mode, channels, lanes, vector):
    """dA_prev, for pictures of `size` (H, W): each pixel gathers from the new pixels it has a share in."""
    numbers = Numbers()
    (H, W), (f_H, f_W), smooth = numbers.size(size), factor, mode == "bilinear"
    dA = array("dA", [lanes, channels, W * f_W, H * f_H])
    total, dA_prev = hl.Func("total"), hl.Func("dA_prev")
    l, c, x, y, n = variables("l c x y n")
    r = hl.RDom([(0, 2 * f_W if smooth else f_W), (0, 2 * f_H if smooth else f_H)], "r")
    if smooth:
        (column, of_x), (row, of_y) = _reached(x, r[0], f_W, W), _reached(y, r[1], f_H, H)
        share = of_x * of_y
        value = hl.select(share > ZERO, share * dA[l, c, column, row, n], ZERO)
    else:
        value = dA[l, c, x * f_W + r[0], y * f_H + r[1], n]
    total[l, c, x, y, n] = ZERO
    total[l, c, x, y, n] += value
    dA_prev[l, c, x, y, n] = total[l, c, x, y, n]
    total.compute_at(dA_prev, y)
    for stage in (total, total.update().reorder(l, c, r[0], r[1], x, y, n)):
        vectorize_channels(stage, l, c, lanes, vector)
    return {"dA_prev": _schedule(dA_prev, (H, W), channels, lanes, vector)}, [dA, *numbers.arguments]


def _between(y: hl.Var, f: int, n: int) -> tuple[hl.Expr, hl.Expr, hl.Expr]:
    """The two old pixels around a new one, and the second one's share."""
    position = 2 * y + 1 - f
    before = position // (2 * f)
    share = hl.cast(Float, position - before * (2 * f)) / hl.f32(2.0 * f)
    return hl.clamp(before, 0, n - 1), hl.clamp(before + 1, 0, n - 1), share


def _reached(i: hl.Var, r: hl.Expr, f: int, n: int) -> tuple[hl.Expr, hl.Expr]:
    """The r-th new pixel that old pixel i may have a share in, and that share. Beyond the centre of a pixel
    at the border, the share is 1."""
    new = f * i - f // 2 + r
    beyond = 2 * (r - f // 2) + 1 - f
    share = hl.max(ONE - hl.cast(Float, hl.abs(beyond)) / hl.f32(2.0 * f), ZERO)
    share = hl.select(((i == 0) & (beyond < 0)) | ((i == n - 1) & (beyond > 0)), ONE, share)
    share = hl.select((new >= 0) & (new < n * f), share, ZERO)
    return hl.clamp(new, 0, n * f - 1), share


def _mean(first: hl.Expr, second: hl.Expr, share: hl.Expr) -> hl.Expr:
    return first * (ONE - share) + second * share


def _schedule(output: hl.Func, size: tuple[int, int], channels: int, lanes: int, vector: int) -> hl.Func:
    l, c, y, n = variables("l c y n")
    result(output, [lanes, channels, size[1], size[0]])
    vectorize_channels(output, l, c, lanes, vector)
    return output.parallel(n).parallel(y)

"""Filters of pictures, by the formulas of reference/filters.py.

All read rows of W·C numbers (bordered.py): first down the columns of the filter, into a row that stays in the
cache, then along that row.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from math import gcd, pi
from operator import add

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.activations import is_nan
from fovea.kernels.pipelines.bordered import (
    ROUND,
    SHIFT,
    TYPES,
    Bordered,
    blocks,
    is_real,
    lanes,
    plane,
    run,
    strips,
)

_ARC_TANGENT = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)


def stencil(*, dtype, kernels, form, result, scaled, vector):
    """Small kernels of whole numbers, compiled into the code. Columns that differ only by a factor share one
    sum: Sobel's filter has one, Laplace's two."""
    reach = max(sum(abs(w) for row in kernel for w in row) for kernel in kernels)
    whole = "int16" if dtype == "uint8" and 255 * reach < 2**15 else "int32"
    kind = dtype if is_real(dtype) else whole
    T = TYPES[kind]

    # Algorithm
    pixel, q, y = Bordered(dtype), hl.Var("q"), hl.Var("y")
    scale = hl.Param(TYPES["float64" if dtype == "float64" else "float32"], "scale")
    columns: dict[tuple[int, ...], hl.Func] = {}  # weights down a column → their sums

    def column(weights: tuple[int, ...]) -> hl.Func:
        if weights not in columns:
            columns[weights] = hl.Func(f"column{len(columns)}")
            terms = [hl.cast(T, pixel(q, y + a)) * hl.cast(T, w) for a, w in enumerate(weights) if w]
            columns[weights][q, y] = reduce(add, terms)
        return columns[weights]

    def answer(kernel: Sequence[Sequence[int]]) -> hl.Expr:
        terms = []
        for b, weights in enumerate(zip(*kernel, strict=True)):
            if any(weights):
                sign = 1 if next(w for w in weights if w) > 0 else -1
                factor = sign * gcd(*weights)
                sums = column(tuple(w // factor for w in weights))
                terms.append(sums[q + b * pixel.step, y] * hl.cast(T, factor))
        return reduce(add, terms)

    out = hl.Func("out")
    out[q, y] = _FORMS[form]([answer(kernel) for kernel in kernels], result, scale if scaled else None)

    # Schedule: a row of sums at a time. Numbers of four bytes and more come from the second-level cache once
    # for each row of the filter; computing four rows together reads each only one and a half times.
    #   12 megapixels, uint8 → int16, one Sobel filter: 1.4 ms, 26 GB/s; float32: 3.0 ms, 32 GB/s. The
    #   magnitude of both, uint8 → float32: 2.6 ms, 23 GB/s.
    count, together = lanes(kind, vector), 1 if T.bits() == 16 else 4
    strip, row = strips(out, constants.FILTER_STRIP)
    group, member = hl.Var("group"), hl.Var("member")
    if together == 1:
        group = row
    else:
        out.split(row, group, member, together)
    blocks(out, 1, count)
    for sums in columns.values():
        sums.compute_at(out, group).store_at(out, strip if together == 1 else group)
        if together > 1:
            sums.split(y, y, member, together, ROUND).reorder(member, q, y).unroll(member)
        sums.vectorize(q, count, SHIFT)
    return {"magnitude direction" if form == "polar" else "out": out}, [*pixel.arguments(), scale]


def _total(answers: list[hl.Expr], result: str, scale: hl.Expr | None) -> hl.Expr:
    if scale is not None:
        return hl.cast(TYPES[result], answers[0]) * scale
    return hl.saturating_cast(TYPES[result], answers[0])


def _magnitude(answers: list[hl.Expr], result: str, scale: hl.Expr | None) -> hl.Expr:
    g_y, g_x = (hl.cast(TYPES[result], answer) for answer in answers)
    length = hl.sqrt(g_y * g_y + g_x * g_x)
    return length if scale is None else length * scale


def _direction(answers: list[hl.Expr], result: str, scale: hl.Expr | None) -> hl.Expr:
    g_y, g_x = (hl.cast(TYPES[result], answer) for answer in answers)
    if result == "float32":
        return _angle(g_y, g_x)
    angle = hl.atan2(hl.abs(g_y), hl.select(g_x < 0, g_x, hl.abs(g_x)))  # −0 counts as 0
    return hl.select(g_y < 0, -angle, angle)


def _polar(answers: list[hl.Expr], result: str, scale: hl.Expr | None) -> tuple[hl.Expr, hl.Expr]:
    return _magnitude(answers, result, scale), _direction(answers, result, scale)


_FORMS: dict[str, Callable] = {
    "sum": _total,
    "magnitude": _magnitude,
    "direction": _direction,
    "polar": _polar,
}


def _angle(y: hl.Expr, x: hl.Expr) -> hl.Expr:
    """atan2(y, x), with an error of 2e-7.

    An argument between tan(π/8) and 1 is reduced by 45°; the polynomial is that of Moshier's Cephes library
    (single/atanf.c).
    """
    high, low = hl.max(hl.abs(y), hl.abs(x)), hl.min(hl.abs(y), hl.abs(x))
    t = hl.select(
        low == high, hl.f32(1), low / hl.select(high > 0, high, hl.f32(1))
    )  # of two infinities, too
    t = hl.select(high > 0, t, hl.f32(0))
    turned = t > hl.f32(0.41421356)
    t = hl.select(turned, (t - 1) / (t + 1), t)
    z, series = t * t, hl.f32(_ARC_TANGENT[0])
    for coefficient in _ARC_TANGENT[1:]:
        series = series * z + hl.f32(coefficient)
    angle = hl.select(turned, hl.f32(pi / 4), hl.f32(0)) + (series * z * t + t)
    angle = hl.select(hl.abs(y) > hl.abs(x), hl.f32(pi / 2) - angle, angle)
    angle = hl.select(x < 0, hl.f32(pi) - angle, angle)
    angle = hl.select(y < 0, -angle, angle)
    return hl.select(is_nan(x) | is_nan(y), x + y, angle)  # max and min above drop NaN


def separable(*, dtype, kind, total, result, fixed, vector):
    """Weights down the columns, then along the rows; their number is known at run time.

    Sums of real numbers are multiplied by `scale`; sums of whole numbers, if `fixed`, become
    (sum + half) · times >> shift.
    """
    W, T = TYPES[kind], TYPES[total]

    # Algorithm
    pixel, q, y = Bordered(dtype), hl.Var("q"), hl.Var("y")
    down, along = run("down", kind), run("along", kind)
    half, times, shift = (hl.Param(T, name) for name in ("half", "times", "shift"))
    scale = hl.Param(TYPES["float64" if dtype == "float64" else "float32"], "scale")
    a, b = hl.RDom([(0, down.dim(0).extent())], "a"), hl.RDom([(0, along.dim(0).extent())], "b")
    column, columns, sums, out = (hl.Func(name) for name in ("column", "columns", "sums", "out"))
    column[q, y] = hl.cast(W, 0)
    column[q, y] += down[a[0]] * hl.cast(W, pixel(q, y + a[0]))
    columns[q, y] = column[q, y]
    sums[q, y] = hl.cast(T, 0)
    sums[q, y] += hl.cast(T, along[b[0]]) * hl.cast(T, columns[q + b[0] * pixel.step, y])
    total_ = sums[q, y]
    out[q, y] = (
        hl.cast(TYPES[result], (total_ + half) * times >> shift) if fixed else _real(total_, result, scale)
    )

    # Schedule: a row of column sums at a time; four vectors of sums stay in registers for all weights, which
    # hides the latency of the additions.
    #   12 megapixels, Gaussian with σ = 1, as in OpenCV: uint8 3.9 ms, float32 14 ms.
    strip, row = strips(out, constants.FILTER_STRIP)
    _in_registers(sums, b[0], out, lanes(total, vector))
    columns.compute_at(out, row).store_at(out, strip)
    _in_registers(column, a[0], columns, lanes(kind, vector))
    return {"out": out}, [*pixel.arguments(down, along), half, times, shift, scale]


def correlate(*, dtype, total, result, vector):
    """A kernel of any size, known at run time; products are added in order, each with one rounding."""
    T = TYPES[total]

    # Algorithm
    pixel, q, y = Bordered(dtype), hl.Var("q"), hl.Var("y")
    kernel, scale = plane("kernel", total), hl.Param(T, "scale")
    r = hl.RDom([(0, kernel.dim(0).extent()), (0, kernel.dim(1).extent())], "r")
    rows, sums, out = hl.Func("rows"), hl.Func("sums"), hl.Func("out")
    rows[q, y] = hl.cast(T, pixel(q, y))
    sums[q, y] = hl.cast(T, 0)
    sums[q, y] += kernel[r[0], r[1]] * rows[q + r[0] * pixel.step, y + r[1]]
    out[q, y] = _real(sums[q, y], result, scale)

    # Schedule: the strip of the picture that a strip of the result reads is in the second-level cache; four
    # vectors of sums in registers share each weight.
    #   12 megapixels, float32, 7×7: 12 ms, 41% of peak.
    strip, _ = strips(out, constants.FILTER_STRIP // 2)
    block = blocks(out, 4, lanes(total, vector))
    sums.compute_at(out, block).vectorize(q, lanes(total, vector)).unroll(q)
    sums.update().reorder(q, r[0], r[1]).vectorize(q, lanes(total, vector)).unroll(q)
    rows.compute_at(out, strip).vectorize(q, lanes(total, vector), SHIFT)
    return {"out": out}, [*pixel.arguments(kernel), scale]


def _in_registers(sums: hl.Func, r: hl.RVar, consumer: hl.Func, count: int) -> None:
    """Blocks of four vectors of `consumer`, whose `sums` stay in registers over r."""
    q, block = hl.Var("q"), blocks(consumer, 4, count)
    sums.compute_at(consumer, block).vectorize(q, count).unroll(q)
    sums.update().reorder(q, r).vectorize(q, count).unroll(q)


def _real(value: hl.Expr, result: str, scale: hl.Expr) -> hl.Expr:
    value = hl.cast(scale.type(), value) * scale
    return value if is_real(result) else hl.saturating_cast(TYPES[result], hl.round(value))

"""The two passes of Canny's edge detector, by the formulas of reference/canny.py.

The last bit decides between equal neighbours of a ridge. So every operation is rounded separately, in the
order in which scipy.ndimage adds: pairs of equal weight first, from the outside inwards.
"""

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.bordered import SHIFT, TYPES, Bordered, blocks, lanes, plane, run, strips


def smooth(*, dtype, result, vector):
    """A Gaussian down the columns and along the rows, divided by the share of it that is inside the
    picture."""
    T, Sum = TYPES[result], TYPES["float64"]

    # Algorithm
    pixel, q, y = Bordered(dtype), hl.Var("q"), hl.Var("y")
    weights, shares, which = run("weights", "float64"), plane("shares", result), run("which", "int32")
    unit, radius = hl.Param(Sum, "unit"), weights.dim(0).extent() - 1
    down, along = hl.RDom([(0, radius)], "down"), hl.RDom([(0, radius)], "along")
    column, columns, sums, out = (hl.Func(name) for name in ("column", "columns", "sums", "out"))

    def shade(q: hl.Expr, y: hl.Expr) -> hl.Expr:
        return _strict(hl.cast(Sum, _strict(hl.cast(T, _strict(hl.cast(Sum, pixel(q, y)) * unit)))))

    def shifted(step: hl.Expr) -> hl.Expr:
        return hl.cast(Sum, columns[q + step * pixel.step, y])

    pair = _strict(shade(q, y + down[0]) + shade(q, y + 2 * radius - down[0]))
    column[q, y] = _strict(shade(q, y + radius) * weights[radius])
    column[q, y] = _strict(column[q, y] + _strict(pair * weights[down[0]]))
    columns[q, y] = hl.cast(T, column[q, y])
    pair = _strict(shifted(along[0]) + shifted(2 * radius - along[0]))
    sums[q, y] = _strict(shifted(radius) * weights[radius])
    sums[q, y] = _strict(sums[q, y] + _strict(pair * weights[along[0]]))
    row = hl.clamp(which[y], 0, shares.dim(1).extent() - 1)
    share = shares[hl.clamp(q, 0, shares.dim(0).extent() - 1), row]
    out[q, y] = _strict(hl.cast(T, sums[q, y]) / share)

    # Schedule: as in filters.separable, in float64, whose vectors are half as long.
    #   12 megapixels, uint8, σ = 1: 34 ms.
    count = lanes("float64", vector)
    strip, line = strips(out, constants.FILTER_STRIP)
    for func, r, consumer in ((sums, along, out), (column, down, columns)):
        func.compute_at(consumer, blocks(consumer, 4, count)).vectorize(q, count).unroll(q)
        func.update().reorder(q, r[0]).vectorize(q, count).unroll(q)
    columns.compute_at(out, line).store_at(out, strip)
    return {"out": out}, [*pixel.arguments(weights, shares, which), unit]


def thin(*, dtype, vector):
    """Ridges of the gradient, one pixel wide: 0 where there is no edge, 1 where it is weak, 2 where it is
    strong.

    `pixel` adds a border of one pixel to the smoothed picture, so that its position (q, y) is the upper left
    neighbour of the result's.
    """
    T, Sum = TYPES[dtype], TYPES["float64"]

    # Algorithm
    pixel, q, y = Bordered(dtype), hl.Var("q"), hl.Var("y")
    low, high = hl.Param(T, "low"), hl.Param(T, "high")
    width, height = pixel.image.dim(0).extent(), pixel.image.dim(1).extent()
    line, difference, soft, down, along, strength, out = (
        hl.Func(name) for name in ("line", "difference", "soft", "down", "along", "strength", "out")
    )

    def weighted(before: hl.Expr, middle: hl.Expr, after: hl.Expr) -> hl.Expr:  # 1 2 1
        ends = _strict(hl.cast(Sum, before) + hl.cast(Sum, after))
        return hl.cast(T, _strict(_strict(hl.cast(Sum, middle) * hl.f64(2)) + ends))

    def slope(before: hl.Expr, after: hl.Expr) -> hl.Expr:  # −1 0 1
        return hl.cast(T, _strict(hl.cast(Sum, after) - hl.cast(Sum, before)))

    line[q, y] = pixel(q, y)
    difference[q, y] = slope(line[q, y], line[q, y + 2])
    along_row = slope(line[q, y], line[q + 2, y])
    soft[q, y] = along_row
    down[q, y] = weighted(difference[q, y], difference[q + 1, y], difference[q + 2, y])
    along[q, y] = weighted(soft[q, y], soft[q, y + 1], soft[q, y + 2])
    g_y, g_x = down[q, y], along[q, y]
    strength[q, y] = hl.sqrt(_strict(_strict(g_y * g_y) + _strict(g_x * g_x)))
    out[q, y] = _ridge(down, along, strength, q, y, width, height, low, high, T, Sum)

    # Schedule: each row of the gradient is computed once per strip, and kept while three rows use it.
    #   12 megapixels, uint8: 29 ms.
    count = lanes(dtype, vector)
    strip, row = strips(out, constants.FILTER_STRIP)
    blocks(out, 1, count)
    for func in (line, difference, soft, down, along, strength):
        func.store_at(out, strip).compute_at(out, row).vectorize(q, count, SHIFT)
    return {"out": out}, [*pixel.arguments(), low, high]


def _ridge(down, along, strength, q, y, width, height, low, high, T, Sum) -> hl.Expr:
    """2, 1 or 0: whether (q, y) is at least as strong as the two points one step along its gradient.

    Each point is between a straight and a diagonal neighbour, and its strength is interpolated.
    """

    def neighbour(dx: int, dy: int) -> hl.Expr:
        return hl.Expr(strength[hl.clamp(q + dx, 0, width - 1), hl.clamp(y + dy, 0, height - 1)])

    g_y, g_x, centre = down[q, y], along[q, y], strength[q, y]
    steep = hl.abs(g_y) > hl.abs(g_x)
    falling = ((g_y >= 0) & (g_x >= 0)) | ((g_y <= 0) & (g_x <= 0))
    larger, smaller = hl.max(hl.abs(g_y), hl.abs(g_x)), hl.min(hl.abs(g_y), hl.abs(g_x))
    weight = _strict(smaller / hl.select(larger > 0, larger, hl.cast(T, 1)))
    rest = _strict(hl.f64(1) - hl.cast(Sum, weight))

    def between(straight: hl.Expr, diagonal: hl.Expr) -> hl.Expr:
        first = hl.cast(Sum, _strict(diagonal * weight))
        return _strict(first + _strict(hl.cast(Sum, straight) * rest))

    def side(sign: int) -> hl.Expr:
        straight = hl.select(
            steep, neighbour(0, sign), hl.select(falling, neighbour(sign, 0), neighbour(-sign, 0))
        )
        diagonal = hl.select(falling, neighbour(sign, sign), neighbour(-sign, sign))
        return between(straight, diagonal) <= hl.cast(Sum, centre)

    inside = (q > 0) & (q < width - 1) & (y > 0) & (y < height - 1)
    edge = inside & (centre >= low) & (centre > 0) & side(1) & side(-1)
    return hl.select(edge, hl.select(centre >= high, hl.u8(2), hl.u8(1)), hl.u8(0))


def _strict(value: hl.Expr) -> hl.Expr:
    return hl.strict_float(value)

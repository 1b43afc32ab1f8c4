"""Sums and products of arrays whose axes broadcast: `fovea.reference.merge` has the formulas.

Each array is [l, c, x, y, n] with its own C, W and H; those that are 1 broadcast to the result's.

The algorithm fixes the order of a gradient's sum, so that all layouts give the same bits: over the channels
as 8 sums side by side, then over these, the columns and the rows.

Memory limits these kernels. (64, 32, 32, 64) · (64, 1, 1, 64): 0.74 ms (45 GB/s); the gradient of the small
array 1.1 ms (31 GB/s).
"""

from functools import reduce
from operator import add as plus
from operator import mul

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, result, variables
from fovea.kernels.pipelines.vectors import vectorize_channels


def add(*, sizes, lanes, vector):
    """A_0 + A_1 + … of arrays of `sizes`, each (H, W, C)."""
    return _merged(plus, sizes, lanes, vector)


def multiply(*, sizes, lanes, vector):
    """A_0 · A_1 · …"""
    return _merged(mul, sizes, lanes, vector)


def gradient(*, sizes, size, lanes, vector):
    """The product of arrays of `sizes`, summed over the axes along which `size` is 1."""
    output = _output_size(sizes)
    (H, W, C), (deep, wide, high) = output, (size[2] < output[2], size[1] < output[1], size[0] < output[0])
    if size == output:
        return multiply(sizes=sizes, lanes=lanes, vector=vector)
    arrays = _arrays(sizes, lanes)
    l, c, x, y, n, k = variables("l c x y n k")

    def product(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        return _reduced(mul, arrays, sizes, l, c, x, y, n)

    dA, stages = hl.Func("dA"), []
    value_at = product
    if deep:
        beside, total = hl.Func("beside"), hl.Func("of_pixel")
        r, s = (
            hl.RDom([(0, -(-C // constants.CHANNEL_SUMS))], "r"),
            hl.RDom([(0, constants.CHANNEL_SUMS)], "s"),
        )
        channel = r[0] * constants.CHANNEL_SUMS + k
        term = hl.select(channel < C, product(l, hl.min(channel, C - 1), x, y, n), ZERO)
        beside[l, k, x, y, n] = ZERO
        beside[l, k, x, y, n] = hl.strict_float(beside[l, k, x, y, n] + term)
        total[l, x, y, n] = ZERO
        total[l, x, y, n] = hl.strict_float(total[l, x, y, n] + beside[l, s[0], x, y, n])
        stages += [beside, total]

        def over_channels(l, c, x, y, n):
            return total[l, x, y, n]

        value_at = over_channels

    if wide:
        of_row, before = hl.Func("of_row"), value_at
        r = hl.RDom([(0, W)], "r")
        of_row[l, c, y, n] = ZERO
        of_row[l, c, y, n] = hl.strict_float(of_row[l, c, y, n] + before(l, c, r[0], y, n))
        stages.append(of_row)

        def over_rows(l, c, x, y, n):
            return of_row[l, c, y, n]

        value_at = over_rows

    if high:
        of_column, earlier = hl.Func("of_column"), value_at
        r = hl.RDom([(0, H)], "r")
        of_column[l, c, x, n] = ZERO
        of_column[l, c, x, n] = hl.strict_float(of_column[l, c, x, n] + earlier(l, c, x, r[0], n))
        stages.append(of_column)

        def over_columns(l, c, x, y, n):
            return of_column[l, c, x, n]

        value_at = over_columns

    dA[l, c, x, y, n] = value_at(l, c, x, y, n)

    # Schedule
    result(dA, [lanes, size[2], size[1], size[0]])
    for stage in stages:
        stage.compute_at(dA, y)
        vector_axis = variables("k")[0] if stage.name().startswith("beside") else c if not deep else None
        for part in (stage, stage.update()):
            if lanes > 1:
                part.vectorize(l)
            elif vector_axis is not None:
                part.vectorize(vector_axis, vector, hl.TailStrategy.GuardWithIf)
    vectorize_channels(dA, l, c, lanes, vector)
    return {"A": dA.parallel(n) if high else dA.parallel(n).parallel(y)}, arrays


def _merged(operation, sizes, lanes, vector):
    arrays, Z = _arrays(sizes, lanes), hl.Func("Z")
    l, c, x, y, n = variables("l c x y n")
    Z[l, c, x, y, n] = _reduced(operation, arrays, sizes, l, c, x, y, n)
    H, W, C = _output_size(sizes)
    result(Z, [lanes, C, W, H])
    vectorize_channels(Z, l, c, lanes, vector)
    return {"A": Z.parallel(n).parallel(y)}, arrays


def _arrays(sizes, lanes) -> list[hl.ImageParam]:
    return [array(f"A_{i}", [lanes, C, W, H]) for i, (H, W, C) in enumerate(sizes)]


def _output_size(sizes) -> tuple[int, int, int]:
    H, W, C = (max(extents) for extents in zip(*sizes, strict=True))
    return H, W, C


def _reduced(operation, arrays, sizes, l, c, x, y, n) -> hl.Expr:
    """The sum or product at one position, from the left."""
    values = [
        a[l, c if C > 1 else 0, x if W > 1 else 0, y if H > 1 else 0, n]
        for a, (H, W, C) in zip(arrays, sizes, strict=True)
    ]
    return reduce(lambda one, other: hl.strict_float(operation(one, other)), values)

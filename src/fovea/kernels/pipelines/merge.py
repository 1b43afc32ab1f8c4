"""Sums and products of arrays whose axes broadcast: `fovea.reference.merge` has the formulas.

Each array is [l, c, x, y, n] with its own C, W and H, of which some are 1 where the outcome's are more.

A gradient is summed in an order that the algorithm fixes, for sums in another would not give the same bits in
all layouts: over the channels as 8 sums side by side, then over these, the columns and the rows.
"""

from functools import reduce
from operator import add as plus
from operator import mul

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.algebra import ZERO, array, result, variables, vectorize_channels


def add(*, sizes, lanes, vector):
    """A_0 + A_1 + … of arrays of `sizes`, each (H, W, C)."""
    return _merged(plus, sizes, lanes, vector)


def multiply(*, sizes, lanes, vector):
    """A_0 · A_1 · …"""
    return _merged(mul, sizes, lanes, vector)


def gradient(*, sizes, size, lanes, vector):
    """The product of arrays of `sizes`, summed over the axes along which `size` is 1."""
    whole = _whole(sizes)
    (H, W, C), (deep, wide, high) = whole, (size[2] < whole[2], size[1] < whole[1], size[0] < whole[0])
    if size == whole:
        return multiply(sizes=sizes, lanes=lanes, vector=vector)
    arrays = _arrays(sizes, lanes)
    l, c, x, y, n, k = variables("l c x y n k")

    def product(l: hl.Expr, c: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        return _reduced(mul, arrays, sizes, l, c, x, y, n)

    dA, stages = hl.Func("dA"), []
    of = product
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
        of = lambda l, c, x, y, n: total[l, x, y, n]  # noqa: E731
    if wide:
        of_row, before = hl.Func("of_row"), of
        r = hl.RDom([(0, W)], "r")
        of_row[l, c, y, n] = ZERO
        of_row[l, c, y, n] = hl.strict_float(of_row[l, c, y, n] + before(l, c, r[0], y, n))
        stages.append(of_row)
        of = lambda l, c, x, y, n: of_row[l, c, y, n]  # noqa: E731
    if high:
        of_column, earlier = hl.Func("of_column"), of
        r = hl.RDom([(0, H)], "r")
        of_column[l, c, x, n] = ZERO
        of_column[l, c, x, n] = hl.strict_float(of_column[l, c, x, n] + earlier(l, c, x, r[0], n))
        stages.append(of_column)
        of = lambda l, c, x, y, n: of_column[l, c, x, n]  # noqa: E731
    dA[l, c, x, y, n] = of(l, c, x, y, n)

    # Schedule
    result(dA, [lanes, size[2], size[1], size[0]])
    for stage in stages:
        stage.compute_at(dA, y)
        own = variables("k")[0] if stage.name().startswith("beside") else c if not deep else None
        for part in (stage, stage.update()):
            if lanes > 1:
                part.vectorize(l)
            elif own is not None:
                part.vectorize(own, vector, hl.TailStrategy.GuardWithIf)
    vectorize_channels(dA, l, c, lanes, vector)
    return {"A": dA.parallel(n) if high else dA.parallel(n).parallel(y)}, arrays


def _merged(operation, sizes, lanes, vector):
    arrays, Z = _arrays(sizes, lanes), hl.Func("Z")
    l, c, x, y, n = variables("l c x y n")
    Z[l, c, x, y, n] = _reduced(operation, arrays, sizes, l, c, x, y, n)
    H, W, C = _whole(sizes)
    result(Z, [lanes, C, W, H])
    vectorize_channels(Z, l, c, lanes, vector)
    return {"A": Z.parallel(n).parallel(y)}, arrays


def _arrays(sizes, lanes) -> list[hl.ImageParam]:
    return [array(f"A_{i}", [lanes, C, W, H]) for i, (H, W, C) in enumerate(sizes)]


def _whole(sizes) -> tuple[int, int, int]:
    H, W, C = (max(extents) for extents in zip(*sizes, strict=True))
    return H, W, C


def _reduced(operation, arrays, sizes, l, c, x, y, n) -> hl.Expr:
    """At one place; from the left, in this order."""
    values = [
        a[l, c if C > 1 else 0, x if W > 1 else 0, y if H > 1 else 0, n]
        for a, (H, W, C) in zip(arrays, sizes, strict=True)
    ]
    return reduce(lambda one, other: hl.strict_float(operation(one, other)), values)

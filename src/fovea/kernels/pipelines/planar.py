"""Convolution with few filters, forward: a vector holds the sums of neighbouring pixels.

With fewer filters than a vector has numbers, most of a vector of filters is empty. Here a row of each channel
is copied into a plane of its own, in which neighbouring pixels are neighbours in memory:

    Z[x, k, y] = b[k] + Σ_{i, j, c} W[i, j, c, k] · plane[x + j·d, c, y + i·d]                            (1)

The stride is 1, and there is one group. The order of the sum is that of conv.py, and so are the bits.
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, fixed, padded_rows, result, variables
from fovea.kernels.pipelines.epilogue import Epilogue, activate_and_pool
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import PlanarTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


def forward(*, problem, tile, bias, activation, saved, normalised=False, add=False):
    """(1), with what follows as in conv.forward."""
    (window, C, K, groups, pool, L), tile, numbers = ConvProblem.of(problem), PlanarTile(*tile), Numbers()
    window, band = numbers.window(window), numbers.number("band", tile.band)
    (H, W), (f_H, f_W), (d_H, d_W), (n_H, n_W) = window.input, window.size, window.dilation, window.output
    assert (groups, pool, L, window.stride) == (1, (1, 1), 1, (1, 1))

    # Algorithm
    A_prev, weights, b = array("A_prev", [1, W * C, H]), fixed("W", [K, f_W * C, f_H]), fixed("b", [K])
    l, k, x, y, n, c = variables("l k x y n c")
    rows, plane = padded_rows(A_prev, window, C, overrun=True), hl.Func("plane")
    plane[x, c, y, n] = rows[0, x * C + c, y, n]
    Z, A = hl.Func("Z"), hl.Func("A")
    r = hl.RDom([(0, C), (0, f_W), (0, f_H)], "r")
    Z[x, k, y, n] = b[k] if bias else ZERO
    Z[x, k, y, n] += weights[k, r[1] * C + r[0], r[2]] * plane[x + r[1] * d_W, r[0], y + r[2] * d_H, n]  # (1)
    epilogue = Epilogue(normalised, add, [1, K, n_W, n_H], tile.vector)
    Y = epilogue.apply(hl.Expr(Z[x, k, y, n]), l, k, x, y, n)
    A[l, k, x, y, n] = activate_and_pool(lambda column, row: Y, activation, pool, saved)

    # Schedule: bands of rows in parallel, whose planes are copied first. A register tile has the sums of all
    # filters at `vectors` vectors of pixels in `rows` rows.
    #   512×512, 4 channels → 3 filters 9×9: 2.7 ms, 4.6 times as fast as in vectors of filters; 8 → 3: 3.7
    #   times; 8 → 4 filters 3×3: 2.4 times; 256×256, 32 → 8 filters 3×3, not chosen: 1.3 times.
    result(A, [1, K, n_W, n_H])
    v, columns = tile.vector, tile.vectors * tile.vector
    xo, xi, xv, yo, yi, yt = variables("xo xi xv yo yi yt")
    A.split(x, xo, xi, columns, _GUARD).split(xi, xv, xi, v, _GUARD)
    A.split(y, yo, yi, band, _GUARD).split(yi, yt, yi, tile.rows, _GUARD)
    A.reorder(l, xi, k, xv, yi, xo, yt, yo, n).vectorize(xi).unroll(k).parallel(n).parallel(yo)
    Z.compute_at(A, xo).bound_extent(x, columns).bound_extent(k, K).bound_extent(y, tile.rows)
    update = Z.update().reorder(x, k, y, r[0], r[1], r[2])
    for stage in (Z, update):
        stage.vectorize(x, v, _WHOLE).unroll(x).unroll(k).unroll(y)
    update.unroll(r[0], tile.unroll)
    plane.compute_at(A, yo).reorder(x, c, y, n).vectorize(x, v, _WHOLE)
    if C <= 4:
        plane.reorder(c, x, y, n).unroll(c)
    rows.compute_at(plane, y).vectorize(variables("q")[0], v, _WHOLE)
    epilogue.schedule()
    arguments = [A_prev, *epilogue.S, weights, *([b] if bias else []), *epilogue.arguments]
    return {"A saved" if saved else "A": A}, [*arguments, *numbers.arguments]

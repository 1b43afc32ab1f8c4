"""The gradient of many weights, where a sum of them for each thread would be too much memory to go through.

    dW[i, j, k] = Σ_{n, x, y} A_prev[x·s·C + j, y·s + i, n] · dZ[k, x, y, n]                               (1)

as conv_backward.py has it, in NHWC. There is one dW, which the threads share out by j; a register tile sums
over several pictures before it is added to it, so that dW is read and written once for them all. The groups
of pictures come in order: the order of every sum is fixed.
"""

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.algebra import (
    ZERO,
    Upstream,
    array,
    padded_rows,
    result,
    variables,
    vectorize_channels,
    vectorize_rows,
)
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.tiles import Tile


def weights(*, window, channels, filters, bias, after, pool, lanes, tile):
    """(1), and db; the filters are a multiple of the tile's."""
    cut, pictures, share = tile
    window, tile = Window(*window), Tile(*cut)
    (H, W), (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    C, K, J, B, V = channels, filters, f_W * channels, tile.filters, tile.vector
    assert lanes == 1
    assert K % B == 0

    # Algorithm
    A_prev = array("A_prev", [1, W * C, H])
    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    count = upstream.dA.dim(4).extent()
    l, k, j, i, x, y, n, group = variables("l k j i x y n group")
    rows = padded_rows(A_prev, window, C, overrun=J % tile.columns > 0)
    dZ, tile_sum, dW = hl.Func("dZ"), hl.Func("tile_sum"), hl.Func("dW")
    dZ[l, k, x, y, n] = upstream.dZ(l, k, x, y, n)
    r = hl.RDom([(0, n_W), (0, n_H), (0, pictures)], "r")
    r.where(group * pictures + r[2] < count)
    picture = hl.min(group * pictures + r[2], count - 1)  # the same, but bounds can be read off it
    tile_sum[k, j, i, group] = ZERO
    pixel = rows[0, r[0] * s_W * C + j, r[1] * s_H + i, picture]
    tile_sum[k, j, i, group] += dZ[0, k, r[0], r[1], picture] * pixel  # (1)
    g = hl.RDom([(0, (count + pictures - 1) // pictures)], "g")
    dW[k, j, i] = ZERO
    dW[k, j, i] += tile_sum[k, j, i, g[0]]

    # Schedule: dZ and the padded rows of a group are laid out once, where they are not read as they are; then
    # every tile of filters × window numbers is summed over the group in registers.
    kb, ki, jb, ji, task = variables("kb ki jb ji task")
    guard = hl.TailStrategy.GuardWithIf
    result(dW, [K, J, f_H]).vectorize(k, V).parallel(j)
    update = (
        dW.update()
        .split(k, kb, ki, B)
        .split(j, jb, ji, tile.columns, guard)
        .split(jb, task, jb, share, guard)
    )
    update.reorder(ki, ji, kb, jb, i, task, g[0]).unroll(ji).vectorize(ki, V).unroll(ki).parallel(task)
    tile_sum.compute_at(dW, kb).bound_extent(k, B).bound_extent(j, tile.columns)
    tile_sum.vectorize(k, V).unroll(k).unroll(j)
    tile_sum.update().reorder(k, j, r[0], r[1], r[2]).vectorize(k, V).unroll(k).unroll(j)
    if rows is not A_prev:
        rows.compute_at(dW, g[0]).parallel(y)
        vectorize_rows(rows, 1, tile)
    if after:
        dZ.compute_at(dW, g[0]).parallel(y)
        vectorize_channels(dZ, l, k, 1, V)
    db = [bias_gradient(upstream, K, 1, V)] if bias else []
    return [dW, *db], [A_prev, *upstream.arguments]

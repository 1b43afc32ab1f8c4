"""The gradients of weights and bias of a 3 × 3 convolution with stride 1, by Winograd's F(4 × 4, 3 × 3).

What tiled.py computes is linear in the filters; this is the transpose of that map, so its products are as
few:

    V = Bᵀ d B         every tile d of 6 × 6 pixels of A_prev, channel by channel                         (1)
    E = A dZ Aᵀ        every tile of 4 × 4 pixels of dZ, filter by filter                                 (2)
    dU = Σ_t E ⊙ V     36 products of matrices, filters by tiles and tiles by channels                    (3)
    dW = Gᵀ dU G       every filter                                                                       (4)

The matrices are in transforms.py, db in bias.py. The error is at most 2e-4 of the largest number for pictures
and gradients like normal numbers. Arguments and results are those of conv_backward.weights, with
L = 1, and dW as [k, c, j, i].

    t tile of a block   i, j row, column of a tile   band, group the block: rows of tiles, pictures
"""

import halide as hl

from fovea.geometry import Window
from fovea.kernels.algorithms import WinogradWeightsTile
from fovea.kernels.pipelines.algebra import ZERO, Parts, Upstream, array, padded_rows, result, variables
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    OUTPUTS,
    along_rows_and_columns,
    filter_gradient_transform,
    input_transform,
    output_gradient_transform,
    spread,
)

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


def weights(*, window, channels, filters, bias, after, pool, lanes, tile):
    """(1) to (4), and db. Blocks of tiles are dealt to a fixed number of parts, whose sums are added in order
    at the end; or, where those sums would be too large to have many, there is one part, and the threads share
    the 36 frequencies (i, j) of a block."""
    window, tile = Window(*window), WinogradWeightsTile(*tile)
    (H, W), (n_H, n_W), (top, _, left, _) = window.input, window.output, window.pads
    C, K, v = channels, filters, tile.vector
    high, wide = -(-n_H // OUTPUTS), -(-n_W // OUTPUTS)
    K_up = -(-K // v) * v
    C_up = -(-(-(-C // tile.channels) * tile.channels) // v) * v
    assert (lanes, window.size, window.stride) == (1, (3, 3), (1, 1))

    # Algorithm
    A_prev = array("A_prev", [1, W * C, H])
    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    count = upstream.dA.dim(4).extent()
    groups = (count + tile.pictures - 1) // tile.pictures
    in_block = (hl.min(tile.pictures, count) if tile.pictures > 1 else 1) * (tile.rows * wide)
    parts = Parts(groups, 1 if tile.shared else Parts.MOST)
    k, c, x, y, n, t, i, j, band, group, part = variables("k c x y n t i j band group part")
    staged = padded_rows(A_prev, window, C, overrun=True) if C_up != C else None
    dZ = hl.Func("dZ")
    at = upstream.dZ(
        0, hl.min(k, K - 1) if K_up != K else k, hl.clamp(x, 0, n_W - 1), hl.clamp(y, 0, n_H - 1),
        hl.min(n, count - 1),
    )  # fmt: skip
    inside = (x < n_W) & (y < n_H) & (n < count)
    dZ[k, x, y, n] = hl.select(inside, at, ZERO)

    picture = group * tile.pictures + t // (tile.rows * wide)
    ty, tx = band * tile.rows + (t // wide) % tile.rows, t % wide

    def pixel(a, b):
        x, y, n = tx * OUTPUTS + b, ty * OUTPUTS + a, hl.min(picture, count - 1)
        if staged is not None:
            return staged[0, x * C + c, y, n]
        x, y = x - left, y - top
        at = A_prev[0, hl.clamp(x, 0, W - 1) * C + c, hl.clamp(y, 0, H - 1), n]
        return hl.select((x >= 0) & (x < W) & (y >= 0) & (y < H), at, ZERO)

    def gradient(a, b):
        return dZ[k, tx * OUTPUTS + b, ty * OUTPUTS + a, picture]

    V_rows, V = along_rows_and_columns(input_transform, pixel, i, j, INPUTS, "V", (c, t, band, group))  # (1)
    E_rows, E = along_rows_and_columns(
        output_gradient_transform, gradient, i, j, OUTPUTS, "E", (k, t, band, group)
    )  # (2)
    block_sum, part_sum, dU, dW = hl.Func("block_sum"), hl.Func("part_sum"), hl.Func("dU"), hl.Func("dW")
    r = hl.RDom([(0, in_block)], "r")
    block_sum[k, c, i, j, band, group] = ZERO
    block_sum[k, c, i, j, band, group] += E[k, r[0], band, group, i, j] * V[c, r[0], band, group, i, j]  # (3)
    g, member = parts.members(part, [(0, -(-high // tile.rows))])
    part_sum[k, c, i, j, part] = ZERO
    part_sum[k, c, i, j, part] += block_sum[k, c, i, j, g[0], member]
    p = hl.RDom([(0, parts.used)], "p")
    dU[k, c, i, j] = ZERO
    dU[k, c, i, j] += part_sum[k, c, i, j, p[0]]
    dW_rows, dW_tile = along_rows_and_columns(
        filter_gradient_transform, lambda a, b: dU[k, c, a, b], i, j, INPUTS, "dW_tile", (k, c)
    )  # (4)
    dW[k, c, j, i] = dW_tile[k, c, i, j]

    # Schedule: V and E of a block, then its products: a register tile of filters × channels sums over all of
    # the block's tiles before it is added to the part's sum.
    kb, ki, cb, ci, ij = variables("kb ki cb ci ij")
    part_sum.compute_root().bound_extent(k, K_up).vectorize(k, v).parallel(part)
    update = part_sum.update().split(k, kb, ki, tile.filters, _GUARD).split(c, cb, ci, tile.channels, _GUARD)
    update.vectorize(ki, v).unroll(ki).unroll(ci)
    if tile.shared:
        part_sum.reorder(k, c, i, j, part).fuse(i, j, ij).parallel(ij)
        update.reorder(ki, ci, kb, cb, i, j, g[0], g[1], part).fuse(i, j, ij).parallel(ij)
    else:
        update.reorder(ki, ci, kb, cb, i, j, g[0], g[1], part).parallel(part)
    block_sum.compute_at(part_sum, kb).bound_extent(k, tile.filters).bound_extent(c, tile.channels)
    block_sum.vectorize(k, v).unroll(k).unroll(c)
    block_sum.update().reorder(k, c, r[0]).vectorize(k, v).unroll(k).unroll(c)
    for rows, both, channel, extent in ((V_rows, V, c, C_up), (E_rows, E, k, K_up)):
        both.compute_at(part_sum, g[0]).bound_extent(channel, extent).bound_extent(t, in_block)
        both.split(channel, cb, ci, v).reorder(ci, i, j, cb, t).vectorize(ci).unroll(i).unroll(j)
        rows.compute_at(both, cb).vectorize(channel, v).unroll(i).unroll(hl.Var("v"))
        spread(both, channel, extent // v, v)
        spread(both, t, tile.pictures * tile.rows * wide)
        if tile.shared:
            both.parallel(t)
    spread(part_sum, c, C)
    if staged is not None:
        staged.compute_at(part_sum, g[0]).vectorize(hl.Var("q"), v, _WHOLE)
    if after or K_up != K:
        dZ.compute_at(part_sum, g[0]).vectorize(k, v, _GUARD)
    result(dW, [K, C, 3, 3])
    dW.split(k, kb, ki, v, hl.TailStrategy.PredicateStores if K % v else _WHOLE)
    dW.reorder(ki, j, i, kb, c).vectorize(ki).unroll(j).unroll(i).parallel(c)
    dW_tile.compute_at(dW, kb).vectorize(k, v).unroll(i).unroll(j)
    dW_rows.compute_at(dW, kb).vectorize(k, v).unroll(i).unroll(hl.Var("v"))
    dU.compute_at(dW, kb).vectorize(k, v)
    dU.update().reorder(k, c, i, j, p[0]).vectorize(k, v).unroll(i).unroll(j)
    return [dW, *([bias_gradient(upstream, K, 1, v)] if bias else [])], [A_prev, *upstream.arguments]

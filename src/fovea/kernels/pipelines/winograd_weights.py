"""The gradients of weights and bias of a 3 × 3 convolution with stride 1, by Winograd's F(4 × 4, 3 × 3).

The algorithm is in tiled_weights.py; here all of dU is in memory, and is transformed to dW at the end.
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import result, variables
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.pipelines.partial_sums import PartialSums
from fovea.kernels.pipelines.tiled_weights import TransformedTiles
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    along_rows_and_columns,
    filter_gradient_transform,
    spread,
    suited,
)
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.winograd_tiles import WinogradWeightsTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


def weights(*, problem, tile, after, bias):
    """(1) to (4), and db. Blocks of tiles are divided into a fixed number of parts, whose sums are added in
    order at the end; or, if several such sums would be too large, there is one part, and the threads share
    the 36 frequencies (i, j) of a block."""
    (window, C, K, _, pool, _), tile = suited(problem), WinogradWeightsTile(*tile)
    v = tile.vector
    K_up = -(-K // v) * v
    C_up = -(-(-(-C // tile.channels) * tile.channels) // v) * v

    # Algorithm
    upstream = Upstream(after, 1, K, window.output, pool)
    tiles = TransformedTiles(window, C, K, upstream, tile, C_up, K_up)  # (1), (2)
    parts = PartialSums(tiles.groups, 1 if tile.shared else PartialSums.MOST)
    k, c, i, j, band, group, part = variables("k c i j band group part")
    block_sum, part_sum, dU, dW = hl.Func("block_sum"), hl.Func("part_sum"), hl.Func("dU"), hl.Func("dW")
    r = hl.RDom([(0, tiles.in_block)], "r")
    block_sum[k, c, i, j, band, group] = ZERO
    block_sum[k, c, i, j, band, group] += (
        tiles.E[k, r[0], 0, band, group, i, j] * tiles.V[c, r[0], 0, band, group, i, j]
    )  # (3)
    g, member = parts.members(part, [(0, tiles.bands)])
    part_sum[k, c, i, j, part] = ZERO
    part_sum[k, c, i, j, part] += block_sum[k, c, i, j, g[0], member]
    p = hl.RDom([(0, parts.used)], "p")
    dU[k, c, i, j] = ZERO
    dU[k, c, i, j] += part_sum[k, c, i, j, p[0]]
    dW_rows, dW_tile = along_rows_and_columns(
        filter_gradient_transform, lambda a, b: dU[k, c, a, b], i, j, INPUTS, "dW_tile", (k, c)
    )  # (4)
    dW[k, c, j, i] = dW_tile[k, c, i, j]

    # Schedule: V and E of a block, then its products: a register tile of filters × channels sums over all
    # tiles of the block before it is added to the part's sum. 2 vectors of filters × 8 channels make 16 sums
    # from 10 loads.
    #   resnet18: 56×56×64, 64 filters: 4.3 ms, 181% of peak; 28×28×128, 128 filters, one shared sum: 3.2 ms,
    #   248%. resnet20: 16×16×32, 32 filters: 0.66 ms, 195%; 8×8×64, 64 filters: 0.63 ms, 204%.
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
    tiles.schedule(part_sum, g[0], None, parallel=tile.shared)
    spread(part_sum, c, C)
    result(dW, [K, C, 3, 3])
    dW.split(k, kb, ki, v, hl.TailStrategy.PredicateStores if K % v else _WHOLE)
    dW.reorder(ki, j, i, kb, c).vectorize(ki).unroll(j).unroll(i).parallel(c)
    dW_tile.compute_at(dW, kb).vectorize(k, v).unroll(i).unroll(j)
    dW_rows.compute_at(dW, kb).vectorize(k, v).unroll(i).unroll(hl.Var("v"))
    dU.compute_at(dW, kb).vectorize(k, v)
    dU.update().reorder(k, c, i, j, p[0]).vectorize(k, v).unroll(i).unroll(j)
    db = {"db": bias_gradient(upstream, K, 1, v)} if bias else {}
    return {"dW": dW, **db}, tiles.arguments

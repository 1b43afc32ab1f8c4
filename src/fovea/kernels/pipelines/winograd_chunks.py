"""The gradients of many weights and of the bias of a 3 × 3 convolution with stride 1, by Winograd's
F(4 × 4, 3 × 3).

The algorithm is in tiled_weights.py. dU has four times as many numbers as the weights, and would be loaded
and stored for every block of tiles. But dW is linear in dU, so a block's own dU can be transformed where it
is computed, a few filters and channels at a time:

    dW = Σ_blocks Gᵀ (Σ_t E ⊙ V) G                                                                        (5)
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import result, variables
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.pipelines.tiled_weights import TransformedTiles
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    along_rows_and_columns,
    filter_gradient_transform,
    spread,
    suited,
)
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.winograd_tiles import WinogradChunksTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


def weights(*, problem, tile, after, bias):
    """(1) to (5), and db. Blocks are added in order; the threads share the channels."""
    (window, C, K, _, pool, _), tile = suited(problem), WinogradChunksTile(*tile)
    v, B, chunk = tile.vector, tile.filters, tile.chunk

    # Algorithm
    upstream = Upstream(after, 1, K, window.output, pool)
    tiles = TransformedTiles(window, C, K, upstream, tile, chunk, B)  # (1), (2)
    ki, kb, ci, cb, i, j, k, c, band, group = variables("ki kb ci cb i j k c band group")
    sums, dU, dW = hl.Func("sums"), hl.Func("dU"), hl.Func("dW")
    index, r = (ki, ci, i, j, kb, cb, band, group), hl.RDom([(0, tiles.in_block)], "r")
    sums[index] = ZERO
    sums[index] += tiles.E[ki, r[0], kb, band, group, i, j] * tiles.V[ci, r[0], cb, band, group, i, j]
    dU[index] = sums[index]  # (3)

    def block_dU(a, b):
        return dU[k % B, c % chunk, a, b, k // B, c // chunk, band, group]

    dW_rows, dW_tile = along_rows_and_columns(
        filter_gradient_transform, block_dU, i, j, INPUTS, "dW_tile", (k, c, band, group)
    )  # (4)
    g = hl.RDom([(0, tiles.bands), (0, tiles.groups)], "g")
    dW[k, c, j, i] = ZERO
    dW[k, c, j, i] += dW_tile[k, c, g[0], g[1], i, j]  # (5)

    # Schedule: E of a block, which fills the last-level cache; then V of a chunk of channels, which fills the
    # second-level cache, multiplied by a few filters of E at a time. 2 vectors of filters × 8 channels make
    # 16 sums from 10 loads.
    #   resnet18: 14×14×256, 256 filters: 4.1 ms, 190% of peak; 7×7×512, 512 filters: 5.7 ms, 137%.
    #   On two faster cores (Zen 5, 530 GFLOP/s), 8 pictures, 14×14×512, 512 filters: 7.0 ms, and 9.7 ms with
    #   dU in memory.
    kv, kw, cr = variables("kv kw cr")
    result(dW, [K, C, 3, 3]).vectorize(k, v, _GUARD).parallel(c)
    update = dW.update().split(k, kw, kv, v, _GUARD).split(kw, kb, kw, B // v, _GUARD)
    update.split(c, cb, ci, chunk, _GUARD).reorder(kv, j, i, kw, ci, kb, cb, g[0], g[1])
    update.vectorize(kv).unroll(j).unroll(i).parallel(cb)
    dW_tile.compute_at(dW, kw).bound_extent(k, v).vectorize(k).unroll(i).unroll(j)
    dW_rows.compute_at(dW, kw).bound_extent(k, v).vectorize(k).unroll(i).unroll(hl.Var("v"))
    dU.compute_at(dW, kb).bound_extent(ki, B).bound_extent(ci, chunk)
    dU.split(ci, cr, ci, tile.channels, _WHOLE).reorder(ki, ci, cr, j, i, kb, cb)
    dU.vectorize(ki, v).unroll(ki).unroll(ci)
    sums.compute_at(dU, cr).vectorize(ki, v).unroll(ki).unroll(ci)
    sums.update().reorder(ki, ci, r[0]).vectorize(ki, v).unroll(ki).unroll(ci)
    tiles.schedule(dW, g[0], cb, parallel=True)
    spread(dU, ci, chunk)
    db = {"db": bias_gradient(upstream, K, 1, v)} if bias else {}
    return {"dW": dW, **db}, tiles.arguments

"""Convolution forward, with the activation and the max-pooling that follow, while Z is in registers.

    Z[l, k, x, y] = b[k] + Σ_{i, j} W[i, j, k] · A_prev[l, x·s·C + j, y·s + i]                             (1)

j runs over a window's row, columns and channels together (f_W·C). If dilation or groups divide the row into
pieces, there are two sums, over columns and over the channels of a filter's group. Layouts as in arrays.py.
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, fixed, padded_rows, result, variables
from fovea.kernels.pipelines.epilogue import Epilogue, activate_and_pool
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.pipelines.vectors import split_blocks, vectorize_rows, vectorize_tile
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import Tile


def forward(*, problem, tile, bias, activation, saved, normalised=False, add=False, prepacked=False):
    """(1), then in a prediction the `Epilogue`, then activation and max-pooling; if `saved`, also the memory
    that `Upstream` reads. With groups, all filters of a block belong to one group. If filters are
    `prepacked`, W is the result of `packed`."""
    problem, tile = ConvProblem.of(problem), Tile(*tile)
    _, C, K, groups, pool, L = problem
    numbers = Numbers()
    window, band = numbers.window(problem.window), numbers.number("band", tile.band)
    (H, W), (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    (p_H, p_W), (d_H, d_W), C_g, J = pool, window.dilation, C // groups, problem.row

    # Algorithm
    A_prev = array("A_prev", [L, W * C, H])
    B = tile.filters
    weights = array("W", [B, J, f_H]) if prepacked else fixed("W", [K, J, f_H])
    b = fixed("b", [K])
    l, k, x, y, n, ki, ko, j, i = variables("l k x y n ki ko j i")
    rows = padded_rows(A_prev, window, C, overrun=bool(numbers))
    Z, A = hl.Func("Z"), hl.Func("A")
    filter_ = hl.min(ko * B + ki, K - 1) if K % B else ko * B + ki
    packed_weights = weights if prepacked else _packed(weights, K, B)
    if groups == 1 and (d_W == 1 or f_W == 1):
        r = hl.RDom([(0, J), (0, f_H)], "r")
        loops = j, i = r[0], r[1]
        q = x * s_W * C + j
    else:
        r = hl.RDom([(0, C_g), (0, f_W), (0, f_H)], "r")
        channel, column, i = loops = r[0], r[1], r[2]
        j = column * C_g + channel
        q = (x * s_W + column * d_W) * C + channel
        if groups > 1:
            assert K // groups % B == 0
            blocks_per_group = K // groups // B
            q += ko // blocks_per_group * C_g  # the first channel of the block's group
    Z[l, ki, x, y, n, ko] = b[filter_] if bias else ZERO
    Z[l, ki, x, y, n, ko] += packed_weights[ki, j, i, ko] * rows[l, q, y * s_H + i * d_H, n]  # (1)

    epilogue = Epilogue(normalised, add, [L, K, n_W // p_W, n_H // p_H], tile.vector)

    def position(column: int, row: int) -> hl.Expr:
        return epilogue.apply(hl.Expr(Z[l, k % B, x * p_W + column, y * p_H + row, n, k // B]), l, k, x, y, n)

    A[l, k, x, y, n] = activate_and_pool(position, activation, pool, saved)

    # Schedule: pictures and bands of rows in parallel; the sums of a register tile stay in registers. With
    # vectors of filters, a packed block of filters, which stays in the second-level cache, is used for the
    # whole band before the next block, and the threads may share the blocks too. With vectors of pictures,
    # blocks are few and small, so every block is used before the next pixels.
    #   lenet5: 14×14×6 → 16 filters 5×5, ReLU and pooling, 16 pictures side by side: 0.143 ms, 91% of peak.
    #   resnet18 --inference, with batch normalisation and ReLU: 224×224×3 → 64 filters 7×7, stride 2: 8.8 ms,
    #   91%; 56×56×64 → 128 filters 3×3, stride 2: 4.4 ms, 88%. mobilenet_v2 --inference: 14×14×64 → 384
    #   filters 1×1: 0.37 ms, 89%; 56×56×96 → 24 filters 1×1: 1.1 ms, 46%, where half of the second vector is
    #   empty.
    # 4 columns × 4 vectors of filters load 8 vectors for 16 products, and fill 22 of 32 registers.
    xo, xi, yo, yi = variables("xo xi yo yi")
    result(A, [L, K, n_W // p_W, n_H // p_H])
    inwards, guard = hl.TailStrategy.ShiftInwards, hl.TailStrategy.GuardWithIf
    A.split(x, xo, xi, tile.columns, guard if numbers else inwards).split(y, yo, yi, band, guard)
    kb, within = split_blocks(A, l, k, K, L, tile)
    blocks = [xo, yi, kb] if L == 1 else [kb, xo, yi]
    A.reorder(*within, xi, *blocks, yo, n).unroll(xi)
    one_band = not numbers and band >= n_H // p_H
    if not tile.small_batch:
        A.parallel(n)
    if not (tile.small_batch and one_band):  # starting a parallel loop takes some microseconds
        A.parallel(yo)
    if L == 1 and tile.shared:
        A.parallel(kb)
    Z.compute_at(A, blocks[0]).bound_extent(ki, B).unroll(x).unroll(y)
    if numbers:  # a tile beyond the last column is computed, and not stored
        Z.bound_extent(x, tile.columns * p_W).bound_extent(y, p_H)
    vectorize_tile(Z, l, ki, L, tile)
    update = Z.update().reorder(l, ki, x, y, *loops).unroll(x).unroll(y)
    vectorize_tile(update, l, ki, L, tile)
    if tile.unroll > 1:
        update.unroll(loops[0], tile.unroll)
    if L == 1 and not prepacked:
        packed_weights.bound_extent(ki, B).vectorize(ki, tile.vector)
        if tile.small_batch and tile.shared and one_band:
            packed_weights.compute_at(A, kb)
        else:
            packed_weights.compute_root().parallel(ko)
    if rows is not A_prev:
        rows.compute_at(A, yo)
        vectorize_rows(rows, L, tile)
    epilogue.schedule()
    return {"A saved" if saved else "A": A}, [
        A_prev,
        *epilogue.S,
        weights,
        *([b] if bias else []),
        *epilogue.arguments,
        *numbers.arguments,
    ]


def packed(*, filters, row, rows, block, vector):
    """W [k, j, i] in blocks of `block` filters, [ki, j, i, ko], each contiguous; a filter has `rows` rows of
    `row` numbers."""
    weights = fixed("W", [filters, row, rows])
    blocks = _packed(weights, filters, block)
    ki, *_, ko = blocks.args()
    result(blocks, [block, row, rows]).vectorize(ki, vector).parallel(ko)
    return {"prepacked": blocks}, [weights]


def _packed(weights: hl.ImageParam, filters: int, block: int) -> hl.Func:
    blocks, (ki, j, i, ko) = hl.Func("packed"), variables("ki j i ko")
    filter_ = ko * block + ki
    blocks[ki, j, i, ko] = weights[hl.min(filter_, filters - 1) if filters % block else filter_, j, i]
    return blocks

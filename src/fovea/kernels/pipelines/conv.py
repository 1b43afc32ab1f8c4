"""Convolution forward, with the activation and the max-pooling that follow, while Z is still in registers.

    Z[l, k, x, y] = b[k] + Σ_{i, j} W[i, j, k] · A_prev[l, x·s·C + j, y·s + i]                             (1)

j runs over a window's row, columns and channels in one (f_W·C). Where a dilation or groups cut the row into
pieces, it is two sums, over columns and over the channels of a filter's group. Layouts as in algebra.py.
"""

import halide as hl

from fovea.kernels.pipelines.algebra import (
    ZERO,
    array,
    fixed,
    padded_rows,
    result,
    split_blocks,
    variables,
    vectorize_rows,
    vectorize_tile,
)
from fovea.kernels.pipelines.epilogue import Epilogue, activate_and_pool
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import Tile


def forward(*, problem, tile, bias, activation, saved, normalised=False, add=False, prepacked=False):
    """(1), then in a prediction what `Epilogue` says, then the activation, then max-pooling; if `saved` also
    what Upstream reads (see `activate_and_pool`). With groups, a block of filters lies within one. Where
    filters are `prepacked`, W is what `packed` makes of them."""
    problem, tile = ConvProblem.of(problem), Tile(*tile)
    window, C, K, groups, pool, L = problem
    (H, W), (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    (p_H, p_W), (d_H, d_W), C_g, J = pool, window.dilation, C // groups, problem.row

    # Algorithm
    A_prev = array("A_prev", [L, W * C, H])
    B = tile.filters
    weights = array("W", [B, J, f_H]) if prepacked else fixed("W", [K, J, f_H])
    b = fixed("b", [K])
    l, k, x, y, n, ki, ko, j, i = variables("l k x y n ki ko j i")
    rows = padded_rows(A_prev, window, C)
    Z, A = hl.Func("Z"), hl.Func("A")
    filter_ = hl.min(ko * B + ki, K - 1) if K % B else ko * B + ki
    blocks_of = weights if prepacked else _packed(weights, K, B)
    if groups == 1 and (d_W == 1 or f_W == 1):
        r = hl.RDom([(0, J), (0, f_H)], "r")
        loops = j, i = r[0], r[1]
        q = x * s_W * C + j
    else:
        assert groups == 1 or K // groups % B == 0
        r = hl.RDom([(0, C_g), (0, f_W), (0, f_H)], "r")
        loops, j, i = (r[0], r[1], r[2]), r[1] * C_g + r[0], r[2]
        q = (x * s_W + r[1] * d_W) * C + ko // (K // groups // B or 1) * C_g * (groups > 1) + r[0]
    Z[l, ki, x, y, n, ko] = b[filter_] if bias else ZERO
    Z[l, ki, x, y, n, ko] += blocks_of[ki, j, i, ko] * rows[l, q, y * s_H + i * d_H, n]  # (1)

    epilogue = Epilogue(normalised, add, [L, K, n_W // p_W, n_H // p_H], tile.vector)

    def position(column: int, row: int) -> hl.Expr:
        return epilogue.apply(hl.Expr(Z[l, k % B, x * p_W + column, y * p_H + row, n, k // B]), l, k, x, y, n)

    A[l, k, x, y, n] = activate_and_pool(position, activation, pool, saved)

    # Schedule: pictures and bands of rows in parallel; a block of filters of one tile is summed in registers.
    # Where filters fill the vector, a block of them (which is turned to run in one, and stays in the
    # second-level cache) meets the whole band before the next one does, and the threads may share the blocks
    # too; where pictures do, blocks are few and small, and it is the pixels that stay.
    xo, xi, yo, yi = variables("xo xi yo yi")
    result(A, [L, K, n_W // p_W, n_H // p_H])
    inwards, guard = hl.TailStrategy.ShiftInwards, hl.TailStrategy.GuardWithIf
    A.split(x, xo, xi, tile.columns, inwards).split(y, yo, yi, tile.band, guard)
    kb, within = split_blocks(A, l, k, K, L, tile)
    blocks = [xo, yi, kb] if L == 1 else [kb, xo, yi]
    A.reorder(*within, xi, *blocks, yo, n).unroll(xi)
    one_band = tile.band >= n_H // p_H
    if not tile.small_batch:
        A.parallel(n)
    if not (tile.small_batch and one_band):  # each loop of tasks takes the threads some microseconds
        A.parallel(yo)
    if L == 1 and tile.shared:
        A.parallel(kb)
    Z.compute_at(A, blocks[0]).bound_extent(ki, B).unroll(x).unroll(y)
    vectorize_tile(Z, l, ki, L, tile)
    update = Z.update().reorder(l, ki, x, y, *loops).unroll(x).unroll(y)
    vectorize_tile(update, l, ki, L, tile)
    if tile.unroll > 1:
        update.unroll(loops[0], tile.unroll)
    if L == 1 and not prepacked:
        blocks_of.bound_extent(ki, B).vectorize(ki, tile.vector)
        if tile.small_batch and tile.shared and one_band:
            blocks_of.compute_at(A, kb)
        else:
            blocks_of.compute_root().parallel(ko)
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
    ]


def packed(*, filters, row, rows, block, vector):
    """W [k, j, i] in blocks of so many filters, [ki, j, i, ko]: each is one run of memory. `row` numbers of a
    window's row, `rows` of them."""
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

"""Convolution forward, with the ReLU and the max-pooling that follow it, while Z is still in registers.

    Z[l, k, x, y] = b[k] + Σ_{i, j} W[i, j, k] · A_prev[l, x·s·C + j, y·s + i]                             (1)

j runs over a window's row, columns and channels in one (f_W·C). Layouts as in algebra.py.
"""

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.algebra import (
    ZERO,
    array,
    fixed,
    padded_rows,
    variables,
    vectorize_rows,
    vectorize_tile,
)
from fovea.kernels.pipelines.epilogue import finished
from fovea.kernels.tiles import Tile


def forward(*, window, channels, filters, bias, relu, pool, winners, lanes, tile):
    """(1), then ReLU, then max-pooling; `winners` also gives the bytes that Upstream reads."""
    window, tile = Window(*window), Tile(*tile)
    (H, W), (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    p_H, p_W = pool
    C, K, L, J = channels, filters, lanes, f_W * channels

    # Algorithm
    A_prev = array("A_prev", [L, W * C, H])
    weights = fixed("W", [K, J, f_H])
    b = fixed("b", [K])
    l, k, x, y, n, ki, ko, j, i = variables("l k x y n ki ko j i")
    rows = padded_rows(A_prev, window, C)
    packed, Z, A = hl.Func("packed"), hl.Func("Z"), hl.Func("A")
    B = tile.filters
    packed[ki, j, i, ko] = weights[hl.min(ko * B + ki, K - 1), j, i]
    r = hl.RDom([(0, J), (0, f_H)], "r")
    Z[l, ki, x, y, n, ko] = b[hl.min(ko * B + ki, K - 1)] if bias else ZERO
    Z[l, ki, x, y, n, ko] += (
        packed[ki, r[0], r[1], ko] * rows[l, x * s_W * C + r[0], y * s_H + r[1], n]
    )  # (1)

    def position(column: int, row: int) -> hl.Expr:
        return hl.Expr(Z[l, k % B, x * p_W + column, y * p_H + row, n, k // B])

    A[l, k, x, y, n] = finished(position, relu, pool, winners)

    # Schedule: pictures and bands of rows in parallel; in a band the filters' blocks run innermost, so
    # that the window's pixels stay in the first-level cache; one block of one tile is summed in
    # registers.
    kb, xo, xi, yo, yi = variables("kb xo xi yo yi")
    A.bound(l, 0, L).bound(k, 0, K).bound(x, 0, n_W // p_W).bound(y, 0, n_H // p_H)
    inwards, guard = hl.TailStrategy.ShiftInwards, hl.TailStrategy.GuardWithIf
    A.split(k, kb, ki, B, hl.TailStrategy.PredicateStores if L == 1 and K % B else guard)
    A.split(x, xo, xi, tile.columns, inwards).split(y, yo, yi, tile.band, guard)
    A.reorder(l, ki, xi, kb, xo, yi, yo, n).unroll(xi)
    vectorize_tile(A, l, ki, L, tile).parallel(n).parallel(yo)
    Z.compute_at(A, kb).bound_extent(ki, B).unroll(x).unroll(y)
    vectorize_tile(Z, l, ki, L, tile)
    update = Z.update().reorder(l, ki, x, y, r[0], r[1]).unroll(x).unroll(y)
    vectorize_tile(update, l, ki, L, tile)
    if tile.unroll > 1:
        update.unroll(r[0], tile.unroll)
    if L == 1:
        packed.compute_root().bound(ki, 0, B).vectorize(ki, tile.vector)
    if rows is not A_prev:
        rows.compute_at(A, yo)
        vectorize_rows(rows, L, tile)
    return [A], [A_prev, weights, *([b] if bias else [])]

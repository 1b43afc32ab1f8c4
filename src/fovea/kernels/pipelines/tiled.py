"""Winograd's F(4 × 4, 3 × 3), tile by tile: what the forward pass and the gradient of the input share.

    V = Bᵀ d B       every tile d of 6 × 6 pixels, channel by channel                                     (1)
    U = G g Gᵀ       every filter g                                                                       (2)
    M = Σ_c U ⊙ V    36 products of matrices, filters by channels and channels by tiles                   (3)
    Z = Aᵀ M A       4 × 4 pixels a tile                                                                  (4)

Bᵀ, G and Aᵀ are in transforms.py.

    t tile of a block   i, j row, column of a tile   band, group the block: rows of tiles, pictures
"""

from collections.abc import Callable

import halide as hl

from fovea.kernels.algorithms import WinogradTile
from fovea.kernels.pipelines.algebra import ZERO, result, variables
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    OUTPUTS,
    along_rows_and_columns,
    filter_transform,
    input_transform,
    output_transform,
    spread,
)

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp
Pixel = Callable[[hl.Expr, hl.Expr, hl.Expr, hl.Expr], hl.Expr]


class Tiles:
    """Z of a convolution with padding of its own: pixel(c, x, y, n) gives the input from the padding's first
    pixel on, zero where there is none; weight(k, c, i, j) the filters, `transposed` where its neighbours in
    memory are of one filter. `out` is (rows, columns) of what is wanted of a picture, windows of `pool`
    pixels each; `count` the number of pictures."""

    def __init__(
        self, pixel: Pixel, weight: Pixel, C: int, K: int, out: tuple[int, int], pool: tuple[int, int],
        tile: WinogradTile, count: hl.Expr, transposed: bool = False,
    ) -> None:  # fmt: skip
        self.tile, self.C, self.K, self.out, self.pool = tile, C, K, out, pool
        self.transposed = transposed
        self.wide, B, rows = -(-out[1] * pool[1] // OUTPUTS), tile.filters, tile.rows
        self.pictures = hl.min(tile.pictures, count) if tile.pictures > 1 else 1  # few pictures, small blocks
        self.in_block = self.pictures * rows * self.wide
        if tile.pictures > 1:
            self.in_block = hl.max(self.in_block, tile.tiles)
        c, ki, ko, t, i, j, band, group = variables("c ki ko t i j band group")
        block = (band, group)
        n = hl.min(group * tile.pictures + t // (rows * self.wide), count - 1)  # the last block's may be less
        ty, tx = band * rows + (t // self.wide) % rows, t % self.wide

        def of_tile(a, b):
            return pixel(c, tx * OUTPUTS + b, ty * OUTPUTS + a, n)

        self.g = hl.Func("g")
        self.g[ki, c, i, j, ko] = weight(hl.min(ko * B + ki, K - 1) if K % B else ko * B + ki, c, i, j)

        def of_filter(a, b):
            return self.g[ki, c, a, b, ko]

        self.V_rows, self.V = along_rows_and_columns(
            input_transform, of_tile, i, j, INPUTS, "V", (c, t, *block)
        )  # (1)
        self.U_rows, self.U = along_rows_and_columns(
            filter_transform, of_filter, i, j, 3, "U", (ki, c, ko)
        )  # (2)
        self.sum, self.M = hl.Func("sum"), hl.Func("M")
        self.r = hl.RDom([(0, C)], "r")
        self.sum[ki, t, i, j, ko, band, group] = ZERO
        self.sum[ki, t, i, j, ko, band, group] += (
            self.U[ki, self.r[0], ko, i, j] * self.V[self.r[0], t, band, group, i, j]
        )  # (3)
        self.M[ki, t, i, j, ko, band, group] = self.sum[ki, t, i, j, ko, band, group]

        K0, x, y, m = self.place = variables("k x y m")  # a filter, and where in which picture a tile is
        t = (hl.min(m % tile.pictures, self.pictures - 1) * rows + y % rows) * self.wide + x

        def of_product(a, b):
            return self.M[K0 % B, t, a, b, K0 // B, y // rows, m // tile.pictures]

        self.Z_rows, self.Z = along_rows_and_columns(
            output_transform, of_product, i, j, INPUTS, "Z", (K0, x, y, m)
        )  # (4)

    def at(self, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """Z [k, x, y, n]."""
        return hl.Expr(self.Z[k, x // OUTPUTS, y // OUTPUTS, n, y % OUTPUTS, x % OUTPUTS])

    def schedule(self, A: hl.Func, names: tuple) -> hl.Var:
        """V of a block once, then for `filters` filters at a time M and Z; `names` are A's [l, k, x, y, n].
        Returns the variable of the blocks' loop.

        On two Zen 5 cores, 32 pictures of 28 × 28 pixels and 128 channels, 128 filters: 6.7 ms, where the
        direct sum takes 18. Blocks run in parallel, small enough for V to stay in the second-level cache; a
        register tile is two vectors of filters × as many tiles as leave all sums in registers.
        """
        tile, v = self.tile, self.tile.vector
        l, k, x, y, n = names
        kb, ki, kv, xt, xi, yt, yi, band, group, ni = variables("kb ki kv xt xi yt yi band group ni")
        c, t, i, j, ko, between, cb, tb, filter = *variables("c t i j ko v cb tb"), self.place[0]
        (rows, columns), (p_H, p_W) = self.out, self.pool
        down, across = OUTPUTS // p_H, OUTPUTS // p_W
        result(A, [1, self.K, columns, rows])
        if self.K % v:  # then a block is one vector, and the last one is stored under a mask
            A.split(k, kb, ki, v, hl.TailStrategy.PredicateStores).split(l, l, kv, 1)
        else:
            A.split(k, kv, ki, v, _GUARD).split(kv, kb, kv, tile.filters // v, _GUARD)
        A.split(x, xt, xi, across, _GUARD if columns % across else _WHOLE)
        A.split(y, yt, yi, down, _GUARD if rows % down else _WHOLE)
        A.split(yt, band, yt, tile.rows, _GUARD).split(n, group, ni, tile.pictures, _GUARD)
        A.vectorize(ki).unroll(xi).unroll(yi).never_partition_all()  # one copy of the body: compiles faster
        A.reorder(l, ki, xi, yi, kv, xt, yt, ni, kb, band, group).parallel(group).parallel(band)
        self.Z.compute_at(A, kv).bound_extent(filter, v).vectorize(filter).unroll(i).unroll(j)
        self.Z_rows.compute_at(A, kv).bound_extent(filter, v).vectorize(filter).unroll(between).unroll(i)

        ki = hl.Var("ki")
        self.M.compute_at(A, kb).bound_extent(ki, tile.filters).bound_extent(t, self.in_block)
        self.M.split(t, tb, t, tile.tiles, hl.TailStrategy.ShiftInwards)
        self.M.reorder(ki, t, tb, ko, i, j).vectorize(ki, v).unroll(ki).unroll(t)
        self.sum.compute_at(self.M, tb).vectorize(ki, v).unroll(ki).unroll(t)
        self.sum.update().reorder(ki, t, self.r[0]).vectorize(ki, v).unroll(ki).unroll(t)

        self.V.compute_at(A, band).bound_extent(t, self.in_block).bound_extent(c, -(-self.C // v) * v)
        self.V.split(c, cb, c, v).reorder(c, i, j, cb, t).vectorize(c).unroll(i).unroll(j)
        self.V_rows.compute_at(self.V, cb).vectorize(c, v).unroll(between).unroll(i)
        most = tile.pictures * tile.rows * self.wide
        spread(self.V, c, -(-self.C // v), v)
        spread(self.V, t, most)
        spread(self.M, t, most)
        spread(self.U, c, self.C)
        self.U.compute_root().bound_extent(ki, tile.filters).parallel(ko)
        if self.transposed:  # turn a block of v × v filters at a time
            self.U.split(c, cb, c, v, _GUARD).reorder(ki, i, j, c, cb, ko)
            self.g.compute_at(self.U, cb).reorder(c, ki, i, j, ko).vectorize(c, v, _WHOLE)
        else:
            self.U.reorder(ki, i, j, c, ko)
        self.U.vectorize(ki, v).unroll(i).unroll(j)
        self.U_rows.compute_at(self.U, c).vectorize(ki, v).unroll(between).unroll(i)
        return band

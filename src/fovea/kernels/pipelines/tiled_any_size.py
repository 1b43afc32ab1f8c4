"""Winograd's F(4 × 4, 3 × 3), tile by tile, for pictures whose height and width are known at run time.

The algorithm is that of tiled.py, which counts the tiles of each block from 0: tile (x, y) of the picture is
number y % rows · wide + x of block y // rows. With run-time numbers, these divisions for every number of M
took twice the time. Here the tiles are numbered through the picture,

    t = y · wide + x                                                                                      (5)

and a block is a run of them, made by the schedule alone: no index of M's consumer is divided. Only V needs x
and y of a tile t, once for all its numbers.

A block has `rows` rows of tiles, and is filled up to `runs` register tiles of `tiles` tiles each. The host
chooses all three for a picture (winograd_tiles.py). All channels fill vectors, and filters are transformed in
advance or prepacked.
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import result, variables
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.pipelines.transformed import Pixel, TransformedFilters
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    OUTPUTS,
    along_rows_and_columns,
    input_transform,
    output_transform,
    spread,
)
from fovea.kernels.winograd_tiles import WinogradTile, run_lengths

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


class AnySizeTiles:
    """As `tiled.Tiles`; `out` may be numbers or expressions, and `numbers` gets those of a block."""

    def __init__(
        self, pixel: Pixel, filters: TransformedFilters | hl.ImageParam, C: int, K: int, out: tuple[int, int],
        pool: tuple[int, int], tile: WinogradTile, numbers: Numbers,
    ) -> None:  # fmt: skip
        assert C % tile.vector == K % tile.vector == 0
        self.tile, self.C, self.K, self.out, self.pool = tile, C, K, out, pool
        self.rows = numbers.number("rows", tile.rows)
        self.run = numbers.number("tiles", 0)
        self.in_block = numbers.number("runs", 0) * self.run
        wide, B = (out[1] * pool[1] + OUTPUTS - 1) // OUTPUTS, tile.filters
        c, ki, ko, t, i, j, n = variables("c ki ko t i j n")
        y, x = t // hl.max(wide, 1), t % hl.max(wide, 1)

        def of_tile(a, b):
            return pixel(c, x * OUTPUTS + b, y * OUTPUTS + a, n)

        self.V_rows, self.V = along_rows_and_columns(
            input_transform, of_tile, i, j, INPUTS, "V", (c, t, n)
        )  # (1)
        self.filters = filters if isinstance(filters, TransformedFilters) else None

        def U(ki, c, ko, i, j):  # (2)
            if isinstance(filters, TransformedFilters):
                return filters.U[ki, c, 0, ko, i, j]
            return filters[ki, c, ko, i, j]

        self.sum, self.M = hl.Func("sum"), hl.Func("M")
        self.r, index = hl.RDom([(0, C)], "r")[0], (ki, t, i, j, ko, n)
        self.sum[index] = ZERO
        self.sum[index] += U(ki, self.r, ko, i, j) * self.V[self.r, t, n, i, j]
        self.M[index] = self.sum[index]  # (3)

        self.k, x, y, m = variables("k x y m")  # filter; column, row and picture of a tile

        def of_product(a, b):
            return self.M[self.k % B, y * wide + x, a, b, self.k // B, m]  # (5)

        self.Z_rows, self.Z = along_rows_and_columns(
            output_transform, of_product, i, j, INPUTS, "Z", (self.k, x, y, m)
        )  # (4)

    def at(self, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """Z [k, x, y, n]."""
        return hl.Expr(self.Z[k, x // OUTPUTS, y // OUTPUTS, n, y % OUTPUTS, x % OUTPUTS])

    def schedule(self, A: hl.Func, names: tuple) -> hl.Var:
        """V of a block, then M and Z for `filters` filters at a time. The threads share the blocks and their
        filters; if tile.together, all of them first compute V of a block, which fills the last-level cache,
        then share the filters. Returns the variable of the loop over blocks.

        The 36 numbers of a tile are neighbours in V and M, so that their distances are known although the
        block's size is not: with a block's tiles innermost, as in tiled.py, 1.2 times the time.

        Prepacked filters, with ReLU, one picture of 512×341 and what VGG-19 makes of it, on 2 cores of Zen 4,
        236 GFLOP/s: forward 512×341×64: 44 ms, 125% of peak; 256×170×128: 32 ms, 168%; 128×85×256: 21 ms,
        259%; gradient of the input 44, 41 and 21 ms. In turns with a specialised kernel that is 1.0 to 1.1
        times its time forward and 1.1 to 1.35 times backward; with 256 channels 0.65 to 0.9, as specialised
        kernels for small batches transform filters on the fly.
        """
        tile, v = self.tile, self.tile.vector
        l, k, x, y, n = names
        kb, ki, kv, xt, xi, yt, yi, band = variables("kb ki kv xt xi yt yi band")
        (rows, columns), (p_H, p_W) = self.out, self.pool
        result(A, [1, self.K, columns, rows])
        A.split(k, kv, ki, v).split(kv, kb, kv, tile.filters // v)
        A.split(x, xt, xi, OUTPUTS // p_W, _GUARD).split(y, yt, yi, OUTPUTS // p_H, _GUARD)
        A.split(yt, band, yt, self.rows, _GUARD)
        A.vectorize(ki).unroll(xi).unroll(yi).never_partition_all()  # one copy of the body: compiles faster
        A.reorder(l, ki, xi, yi, kv, xt, yt, kb, band, n).parallel(kb)
        if not tile.together:
            A.parallel(n).parallel(band)
        c, cv, t, i, j, between, tb, ko = variables("c cv t i j v tb ko")
        self.Z.compute_at(A, kv).bound_extent(self.k, v).vectorize(self.k).unroll(i).unroll(j)
        self.Z_rows.compute_at(A, kv).bound_extent(self.k, v).vectorize(self.k).unroll(between).unroll(i)

        self.M.compute_at(A, kb).bound_extent(ki, tile.filters).bound_extent(t, self.in_block)
        first, *others = run_lengths(tile.tiles)  # each length has its code, as its sums are in registers
        for stage, length in ((self.M, first), *((self.M.specialize(self.run == T), T) for T in others)):
            stage.split(t, tb, t, length, _WHOLE).reorder(ki, t, tb, ko, i, j)
            stage.vectorize(ki, v).unroll(ki).unroll(t)
        self.sum.compute_at(self.M, tb).vectorize(ki, v).unroll(ki).unroll(t)
        self.sum.update().reorder(ki, t, self.r).vectorize(ki, v).unroll(ki).unroll(t)

        self.V.compute_at(A, band).bound_extent(t, self.in_block).bound_extent(c, self.C)
        self.V.split(c, cv, c, v).reorder(c, i, j, cv, t).vectorize(c).unroll(i).unroll(j)
        self.V_rows.compute_at(self.V, cv).vectorize(c, v).unroll(between).unroll(i)
        self.V.reorder_storage(c, i, j, t, n)
        self.M.reorder_storage(ki, i, j, t, ko, n)
        spread(self.V, c, self.C // v, v)
        if tile.together:
            self.V.parallel(t)
        if self.filters:
            self.filters.U.compute_root().parallel(ko)
            self.filters.schedule()
        return band

"""Winograd's F(4 × 4, 3 × 3), tile by tile, for the forward pass and the gradient of the input.

    V = Bᵀ d B       every tile d of 6 × 6 pixels, channel by channel                                     (1)
    U = G g Gᵀ       every filter g                                                                       (2)
    M = Σ_c U ⊙ V    36 products of matrices, filters by channels and channels by tiles                   (3)
    Z = Aᵀ M A       4 × 4 pixels per tile                                                                (4)

Bᵀ, G and Aᵀ are in transforms.py. There are two schedules:

- in advance, for pictures of many tiles: all of U first. Then the threads share the blocks of tiles: V of a
  block, which stays in the second-level cache, is multiplied by all of U. In a small batch
  (tile.small_batch), the threads also share a block's filters.
- tile.on_the_fly, if U is too large for that or pictures have few tiles: V of a block first, as large as the
  last-level cache allows. Then the threads share the filters: `filters` of them are transformed where they
  are used, `chunk` channels at a time, and multiplied by all of V. U is never in memory as a whole.

    t tile of a block   i, j row, column of a tile   band, group the block: rows of tiles, pictures
    cb, c chunk of channels, channel in it           ko, ki block of filters, filter in it
"""

import halide as hl

from fovea.kernels import constants
from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import result, variables
from fovea.kernels.pipelines.transformed import Pixel, TransformedFilters
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    OUTPUTS,
    along_rows_and_columns,
    input_transform,
    output_transform,
    spread,
)
from fovea.kernels.winograd_tiles import WinogradTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


class Tiles:
    """Z of a convolution. pixel(c, x, y, n) is the padded input, for c up to tile.padded(C); position (0, 0)
    belongs to the padding. `filters` are transformed here, or are an array of U [ki, c, ko, i, j], which
    excludes tile.on_the_fly. `out` is (rows, columns) of a picture's result in windows of `pool` pixels;
    `count` is the number of pictures."""

    def __init__(
        self, pixel: Pixel, filters: TransformedFilters | hl.ImageParam, C: int, K: int, out: tuple[int, int],
        pool: tuple[int, int], tile: WinogradTile, count: hl.Expr,
    ) -> None:  # fmt: skip
        self.tile, self.C, self.K, self.out, self.pool = tile, C, K, out, pool
        self.wide, B, rows = -(-out[1] * pool[1] // OUTPUTS), tile.filters, tile.rows
        self.chunk = tile.chunk or tile.padded(C)
        self.chunks, padded = tile.padded(C) // self.chunk, tile.padded(C) > C
        self.most, self.pictures = tile.pictures * rows * self.wide, 1
        if tile.pictures > 1:  # evenly divided, so that the last block is hardly smaller than the others
            groups = (count + tile.pictures - 1) // tile.pictures
            self.pictures = (count + groups - 1) // hl.max(groups, 1)
        self.in_block = (self.pictures * rows * self.wide + tile.tiles - 1) // tile.tiles * tile.tiles
        c, cb, ki, ko, t, i, j, band, group = variables("c cb ki ko t i j band group")
        n = hl.min(
            group * self.pictures + t // (rows * self.wide), count - 1
        )  # the last block may have fewer
        ty, tx = band * rows + (t // self.wide) % rows, t % self.wide
        channel = cb * self.chunk + c

        def of_tile(a, b):
            value = pixel(channel, tx * OUTPUTS + b, ty * OUTPUTS + a, n)
            return hl.select(channel < C, value, ZERO) if padded and self.chunks > 1 else value

        self.V_rows, self.V = along_rows_and_columns(
            input_transform, of_tile, i, j, INPUTS, "V", (c, t, cb, band, group)
        )  # (1)
        self.filters = filters if isinstance(filters, TransformedFilters) else None

        def U(ki, c, cb, ko, i, j):  # (2)
            if isinstance(filters, TransformedFilters):
                return filters.U[ki, c, cb, ko, i, j]
            return filters[ki, cb * self.chunk + c, ko, i, j]

        self.sum, self.M = hl.Func("sum"), hl.Func("M")
        r = hl.RDom([(0, min(C, self.chunk))], "r")
        rb = hl.RDom([(0, self.chunks)], "rb")
        self.r, self.rb = r[0], rb[0]
        index = (ki, t, i, j, ko, band, group)
        self.sum[(*index, cb)] = ZERO
        self.sum[(*index, cb)] += U(ki, self.r, cb, ko, i, j) * self.V[self.r, t, cb, band, group, i, j]
        if self.chunks == 1:
            self.M[index] = self.sum[(*index, 0)]  # (3)
        else:
            self.M[index] = ZERO
            self.M[index] += self.sum[(*index, self.rb)]

        K0, x, y, m = self.place = variables("k x y m")  # filter; column, row and picture of a tile
        t = (m % self.pictures * rows + y % rows) * self.wide + x

        def of_product(a, b):
            return self.M[K0 % B, t, a, b, K0 // B, y // rows, m // self.pictures]

        self.Z_rows, self.Z = along_rows_and_columns(
            output_transform, of_product, i, j, INPUTS, "Z", (K0, x, y, m)
        )  # (4)

    def at(self, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """Z [k, x, y, n]."""
        return hl.Expr(self.Z[k, x // OUTPUTS, y // OUTPUTS, n, y % OUTPUTS, x % OUTPUTS])

    def schedule(self, A: hl.Func, names: tuple) -> hl.Var:
        """V of a block once, then M and Z for `filters` filters at a time; `names` are A's [l, k, x, y, n].
        Returns the variable of the loop over blocks.

        A register tile is two vectors of filters × as many tiles as leave all sums in registers: 14 tiles
        make 28 sums from 16 loads. The panel of U that they read stays in the first-level cache.

        - resnet18 --inference, with batch normalisation and ReLU, 8 pictures: 56×56×64 → 64: 3.2 ms, 246% of
          peak; 28×28×128 → 128: 2.7 ms, 289%; on the fly, 14×14×256 → 256: 3.3 ms, 234%; 7×7×512 → 512:
          4.0 ms, 197%, where 4 tiles of 4 × 4 cover 7 × 7.
        - resnet18, gradient of the input: 28×28×128: 3.1 ms, 257%; 7×7×512 on the fly: 4.8 ms, 163%.
        - On two faster cores (Zen 5, 530 GFLOP/s), 8 pictures, 14×14×512 → 512: 6.5 ms on the fly, 15 ms with
          U in memory; 32 pictures, 28×28×128 → 128: 5.5 ms, 18 ms by the direct sum.
        """
        tile, v = self.tile, self.tile.vector
        l, k, x, y, n = names
        kb, ki, kv, xt, xi, yt, yi, band, group, ni = variables("kb ki kv xt xi yt yi band group ni")
        (rows, columns), (p_H, p_W) = self.out, self.pool
        down, across = OUTPUTS // p_H, OUTPUTS // p_W
        result(A, [1, self.K, columns, rows])
        A.split(k, kv, ki, v, hl.TailStrategy.PredicateStores if self.K % v else _GUARD)
        A.split(kv, kb, kv, tile.filters // v, _GUARD)
        A.split(x, xt, xi, across, _GUARD if columns % across else _WHOLE)
        A.split(y, yt, yi, down, _GUARD if rows % down else _WHOLE)
        A.split(yt, band, yt, tile.rows, _GUARD).split(n, group, ni, self.pictures, _GUARD)
        A.vectorize(ki).unroll(xi).unroll(yi).never_partition_all()  # one copy of the body: compiles faster
        A.reorder(l, ki, xi, yi, kv, xt, yt, ni, kb, band, group)
        if tile.on_the_fly or tile.small_batch:
            A.parallel(kb)
        if not tile.on_the_fly or self.K // tile.filters < constants.WINOGRAD_FILTER_TASKS:
            A.parallel(group).parallel(band)
        c, cv, t, i, j, between, tb, filter = *variables("c cv t i j v tb"), self.place[0]
        self.Z.compute_at(A, kv).bound_extent(filter, v).vectorize(filter).unroll(i).unroll(j)
        self.Z_rows.compute_at(A, kv).bound_extent(filter, v).vectorize(filter).unroll(between).unroll(i)

        ki, ko, cb = variables("ki ko cb")
        self.M.compute_at(A, kb).bound_extent(ki, tile.filters).bound_extent(t, self.in_block)
        products, order = self.M, (ki, t, tb, ko, i, j)
        if self.chunks > 1:
            self.M.vectorize(ki, v)
            products, order = self.M.update(), (*order, self.rb)
        products.split(t, tb, t, tile.tiles, _WHOLE).reorder(*order).vectorize(ki, v).unroll(ki).unroll(t)
        self.sum.compute_at(self.M, tb).vectorize(ki, v).unroll(ki).unroll(t)
        self.sum.update().reorder(ki, t, self.r).vectorize(ki, v).unroll(ki).unroll(t)

        self.V.compute_at(A, band).bound_extent(t, self.in_block).bound_extent(c, self.chunk)
        self.V.split(c, cv, c, v).reorder(c, i, j, cv, cb, t).vectorize(c).unroll(i).unroll(j)
        self.V_rows.compute_at(self.V, cv).vectorize(c, v).unroll(between).unroll(i)
        self.V.reorder_storage(c, t, i, j, cb, band, group)
        most = -(-self.most // tile.tiles) * tile.tiles
        spread(self.V, c, self.chunk // v, v)
        spread(self.V, t, most)
        spread(self.M, t, most)
        if tile.on_the_fly:
            self.V.parallel(t)
        if self.filters:
            U = self.filters.U
            if not tile.on_the_fly:
                U.compute_root().parallel(ko)
            elif self.chunks > 1:
                U.compute_at(self.M, self.rb)
            else:
                U.compute_at(A, kb)
            self.filters.schedule()
        return band

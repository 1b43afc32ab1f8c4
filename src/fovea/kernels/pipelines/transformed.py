"""The filters of Winograd's F(4 × 4, 3 × 3), transformed: U = G g Gᵀ."""

from collections.abc import Callable
from typing import Literal

import halide as hl

from fovea.kernels.pipelines.arrays import variables
from fovea.kernels.pipelines.transforms import along_rows_and_columns, filter_transform, spread
from fovea.kernels.winograd_tiles import WinogradTile

Pixel = Callable[[hl.Expr, hl.Expr, hl.Expr, hl.Expr], hl.Expr]
Weight = Callable[[hl.Expr, hl.Expr, hl.Expr, hl.Expr, hl.Expr], hl.Expr]


class TransformedFilters:
    """U [ki, c, cb, ko, i, j]: frequency (i, j) of filter ki of block ko, channel c of chunk cb, from
    weight(ki, ko, c, i, j). The neighbours in memory are the `filters` of a channel, the `channels` of a
    filter, or the filters of a contiguous block (`blocks`)."""

    def __init__(
        self, weight: Weight, C: int, tile: WinogradTile, neighbours: Literal["filters", "channels", "blocks"]
    ) -> None:
        self.tile, self.neighbours, self.chunk = tile, neighbours, tile.chunk or tile.padded(C)
        ki, c, cb, ko, i, j = variables("ki c cb ko i j")
        channel = cb * self.chunk + c
        if tile.padded(C) > C:
            channel = hl.min(channel, C - 1)
        self.g, self.transposed = hl.Func("g"), hl.Func("transposed")
        self.g[ki, c, cb, i, j, ko] = weight(ki, ko, channel, i, j)
        self.transposed[ki, c, cb, i, j, ko] = self.g[ki, c, cb, i, j, ko]

        def of_filter(a, b):
            return self.transposed[ki, c, cb, a, b, ko]

        self.U_rows, self.U = along_rows_and_columns(
            filter_transform, of_filter, i, j, 3, "U", (ki, c, cb, ko)
        )

    def schedule(self) -> None:
        """A vector of filters × v channels at a time. Unless blocks are contiguous, they are copied first: a
        plain copy reads memory twice as fast. Neighbouring channels are then transposed in registers."""
        v, (c, cv, ki, kw, i, j, ko, cb, between) = self.tile.vector, variables("c cv ki kw i j ko cb v")
        self.U.bound_extent(ki, self.tile.filters).bound_extent(c, self.chunk)
        self.U.split(ki, kw, ki, v).split(c, cv, c, v)
        self.U.reorder(ki, i, j, c, kw, cv, cb, ko).vectorize(ki).unroll(i).unroll(j)
        self.U_rows.compute_at(self.U, c).bound_extent(ki, v).vectorize(ki).unroll(between).unroll(i)
        spread(self.U, c, self.chunk)
        if self.neighbours == "channels":
            self.g.compute_at(self.U, kw).bound_extent(c, v).bound_extent(ki, v)
            self.g.reorder_storage(c, ki, cb, i, j, ko).reorder(c, ki, i, j).vectorize(c)
            self.transposed.compute_at(self.U, kw).bound_extent(ki, v).bound_extent(c, v)
            self.transposed.reorder(c, ki, i, j).vectorize(c).unroll(
                ki
            )  # v × v: shuffles, no scattered stores
        elif self.neighbours == "filters":
            self.g.compute_at(self.U, cv).bound_extent(c, v).bound_extent(ki, self.tile.filters)
            self.g.reorder(ki, c, j, i).vectorize(ki, v).unroll(ki)

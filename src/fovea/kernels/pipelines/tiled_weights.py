"""The gradient of the weights by Winograd's F(4 × 4, 3 × 3): the transforms that its two kernels share.

The convolution of tiled.py is linear in the filters; this is the transpose of that map, and needs the same
number of products:

    V = Bᵀ d B         every tile d of 6 × 6 pixels of A_prev, channel by channel                         (1)
    E = A dZ Aᵀ        every tile of 4 × 4 pixels of dZ, filter by filter                                 (2)
    dU = Σ_t E ⊙ V     36 products of matrices, filters by tiles and tiles by channels                    (3)
    dW = Gᵀ dU G       every filter                                                                       (4)

The matrices are in transforms.py, db in bias.py. The error is at most 2e-4 of the largest number for pictures
and gradients like normal numbers. Arguments and results are those of conv_backward.weights, with
L = 1, and dW as [k, c, j, i].

    t tile of a block   i, j row, column of a tile   band, group the block: rows of tiles, pictures
    cb, ci chunk of channels, channel in it          kb, ki block of filters, filter in it
"""

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, padded_pixel, padded_rows, variables
from fovea.kernels.pipelines.transforms import (
    INPUTS,
    OUTPUTS,
    along_rows_and_columns,
    input_transform,
    output_gradient_transform,
    spread,
)
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.winograd_tiles import WinogradChunksTile, WinogradWeightsTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


class TransformedTiles:
    """V [ci, t, cb, band, group, i, j] and E [ki, t, kb, band, group, i, j], in chunks of `chunk` channels
    and blocks of `block` filters; values beyond the last channel or filter are arbitrary, and unused."""

    def __init__(
        self, window: Window, channels: int, filters: int, upstream: Upstream,
        tile: WinogradWeightsTile | WinogradChunksTile, chunk: int, block: int,
    ) -> None:  # fmt: skip
        (H, W), (n_H, n_W) = window.input, window.output
        C, K, rows = channels, filters, tile.rows
        high, wide = -(-n_H // OUTPUTS), -(-n_W // OUTPUTS)
        self.v, self.chunk, self.block = tile.vector, chunk, block
        self.uneven = K % block != 0
        self.A_prev, self.upstream = array("A_prev", [1, W * C, H]), upstream
        count = upstream.dA.dim(4).extent()
        self.bands, self.groups, pictures = -(-high // rows), count, 1
        if tile.pictures > 1:  # evenly divided, so that the last block is hardly smaller than the others
            self.groups = (count + tile.pictures - 1) // tile.pictures
            pictures = (count + self.groups - 1) // hl.max(self.groups, 1)
        self.in_block, self.most = pictures * (rows * wide), tile.pictures * rows * wide
        ki, kb, ci, cb, k, x, y, n, t, i, j, band, group = variables("ki kb ci cb k x y n t i j band group")
        picture = group * pictures + t // (rows * wide)  # may exceed the last one, where dZ is zero
        ty, tx = band * rows + (t // wide) % rows, t % wide

        self.padded_rows = padded_rows(self.A_prev, window, C, overrun=True) if C % chunk else None
        self.patch, channel = hl.Func("patch"), cb * chunk + ci
        if self.padded_rows is not None:
            self.patch[ci, x, y, n, cb] = self.padded_rows[0, x * C + channel, y, n]
        else:
            self.patch[ci, x, y, n, cb] = padded_pixel(self.A_prev, window, C, 0, channel, x, y, n)

        def pixel(a, b):
            return self.patch[ci, tx * OUTPUTS + b, ty * OUTPUTS + a, hl.min(picture, count - 1), cb]

        self.V_rows, self.V = along_rows_and_columns(
            input_transform, pixel, i, j, INPUTS, "V", (ci, t, cb, band, group)
        )  # (1)

        self.dZ = hl.Func("dZ")
        nearest = upstream.dZ(
            0, hl.min(k, K - 1) if self.uneven else k, hl.clamp(x, 0, n_W - 1), hl.clamp(y, 0, n_H - 1),
            hl.min(n, count - 1),
        )  # fmt: skip
        self.dZ[k, x, y, n] = hl.select((x < n_W) & (y < n_H) & (n < count), nearest, ZERO)

        def gradient(a, b):
            return self.dZ[kb * block + ki, tx * OUTPUTS + b, ty * OUTPUTS + a, picture]

        self.E_rows, self.E = along_rows_and_columns(
            output_gradient_transform, gradient, i, j, OUTPUTS, "E", (ki, t, kb, band, group)
        )  # (2)

    @property
    def arguments(self) -> list[hl.ImageParam]:
        return [self.A_prev, *self.upstream.arguments]

    def schedule(self, sums: hl.Func, block_loop: hl.RVar, chunk_loop: hl.Var | None, parallel: bool) -> None:
        """Compute V and E at `block_loop` of `sums`, by all threads if `parallel`; or V at `chunk_loop`,
        after a copy of the chunk's pixels."""
        ci, ki, x, y, n, t, cb = variables("ci ki x y n t cb")
        self._schedule(self.V_rows, self.V, ci, self.chunk)
        self._schedule(self.E_rows, self.E, ki, self.block)
        self.E.compute_at(sums, block_loop)
        if chunk_loop is None:
            self.V.compute_at(sums, block_loop)
        else:
            self.V.compute_at(sums, chunk_loop)
            self.patch.compute_at(sums, chunk_loop).bound_extent(ci, self.chunk)
            self.patch.reorder(ci, x, y, n, cb).vectorize(ci, self.v).unroll(ci)
        if self.padded_rows is not None:
            self.padded_rows.compute_at(sums, block_loop).vectorize(hl.Var("q"), self.v, _WHOLE)
        if self.upstream.after or self.uneven:
            self.dZ.compute_at(sums, block_loop).vectorize(hl.Var("k"), self.v, _GUARD)
        if parallel:
            self.E.parallel(t)
            if chunk_loop is None:
                self.V.parallel(t)
            if self.padded_rows is not None:
                self.padded_rows.parallel(n).parallel(y)
            if self.upstream.after or self.uneven:
                self.dZ.parallel(n).parallel(y)

    def _schedule(self, rows: hl.Func, both: hl.Func, inner: hl.Var, extent: int) -> None:
        vectors, t, i, j = variables("vectors t i j")
        of_block, band, group = both.args()[2:5]
        both.bound_extent(inner, extent).bound_extent(t, self.in_block)
        both.split(inner, vectors, inner, self.v).reorder(inner, i, j, vectors, of_block, t)
        both.vectorize(inner).unroll(i).unroll(j).reorder_storage(inner, t, i, j, of_block, band, group)
        rows.compute_at(both, vectors).vectorize(inner, self.v).unroll(i).unroll(hl.Var("v"))
        spread(both, inner, extent // self.v, self.v)
        spread(both, t, self.most)

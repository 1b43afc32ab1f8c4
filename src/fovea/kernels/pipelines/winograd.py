"""Convolution 3 × 3 with stride 1 by Winograd's F(4 × 4, 3 × 3): forward, and the gradient of the input.

The algorithm and its schedule are in tiled.py; this file has its inputs and outputs. It takes a quarter of
the direct sum's multiplications. The error is at most 5e-5 of the largest number, and 2e-4 in gradients.
Arguments and results are those of conv.forward and conv_backward.inputs, except that W is [k, c, j, i] in
both; layouts as in arrays.py, with L = 1.
"""

import halide as hl

from fovea.geometry import Pair
from fovea.kernels.pipelines.arrays import (
    array,
    fixed,
    padded_pixel,
    padded_rows,
    result,
    variables,
    zero_outside,
)
from fovea.kernels.pipelines.epilogue import Epilogue, activate_and_pool
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.pipelines.tiled import Tiles
from fovea.kernels.pipelines.tiled_any_size import AnySizeTiles
from fovea.kernels.pipelines.transformed import Pixel, TransformedFilters, Weight
from fovea.kernels.pipelines.transforms import suited
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.winograd_tiles import WinogradTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


def forward(*, problem, tile, bias, activation, saved, normalised=False, add=False, prepacked=False):
    """A: Z, then in a prediction the `Epilogue`, then activation and max-pooling; if `saved`, also the memory
    that `Upstream` reads. If filters are `prepacked`, W is the result of `transformed`, or of conv.packed if
    they are transformed on the fly."""
    (window, C, K, _, pool, _), tile, numbers = suited(problem), WinogradTile(*tile), Numbers()
    window = numbers.window(window)
    (H, W), (p_H, p_W) = window.input, pool

    A_prev = array("A_prev", [1, W * C, H])
    b = fixed("b", [K])
    l, k, x, y, n = variables("l k x y n")
    # If the channels do not fill their vectors, the last one of a pixel reads on into the next pixel, so the
    # rows are copied with a margin.
    rows = padded_rows(A_prev, window, C, overrun=True) if tile.padded(C) > C else None

    def pixel(c, x, y, n):
        if rows is not None:
            return rows[0, x * C + c, y, n]
        return padded_pixel(A_prev, window, C, 0, c, x, y, n)

    out = window.output[0] // p_H, window.output[1] // p_W
    if not prepacked:
        weights = fixed("W", [K, C, 3, 3])
        filters_ = TransformedFilters(_weight(weights, K, tile), C, tile, "filters")
    elif tile.on_the_fly:
        weights = array("W", [tile.filters, 3 * C, 3])
        filters_ = TransformedFilters(
            lambda ki, ko, c, i, j: weights[ki, j * C + c, i, ko], C, tile, "blocks"
        )
    else:
        weights = filters_ = fixed("W", [*tile.prepacked_shape(C, K)[::-1]])
    sums = _tiles(pixel, filters_, C, K, out, pool, tile, A_prev, numbers)

    epilogue = Epilogue(normalised, add, [1, K, *out[::-1]], tile.vector)

    def position(column, row):
        Z = sums.at(k, x * p_W + column, y * p_H + row, n)
        Z = hl.strict_float(Z + b[hl.min(k, K - 1) if K % tile.vector else k]) if bias else Z
        return epilogue.apply(Z, l, k, x, y, n)

    A = hl.Func("A")
    A[l, k, x, y, n] = activate_and_pool(position, activation, pool, saved)
    band = sums.schedule(A, (l, k, x, y, n))
    if rows is not None:
        q = variables("q")[0]
        _parallelise(rows.compute_at(A, band).vectorize(q, tile.vector, _WHOLE), tile)
    epilogue.schedule()
    return {"A saved" if saved else "A": A}, [
        A_prev,
        *epilogue.S,
        weights,
        *([b] if bias else []),
        *epilogue.arguments,
        *numbers.arguments,
    ]


def transformed(*, channels, filters, tile, rotated=False):
    """U [ki, c, ko, i, j] of W [k, c, j, i], for filters that are not transformed on the fly; if `rotated`,
    of W [c, k, j, i] for `inputs`."""
    tile, shape = WinogradTile(*tile), [channels, filters] if rotated else [filters, channels]
    weights = fixed("W", [*shape, 3, 3])
    if rotated:
        bank = _rotated(weights, channels, filters, tile)
    else:
        bank = TransformedFilters(_weight(weights, filters, tile), channels, tile, "filters")
    U, (ki, c, ko, i, j) = hl.Func("prepacked"), variables("ki c ko i j")
    chunk = tile.chunk or tile.padded(channels)
    U[ki, c, ko, i, j] = bank.U[ki, c % chunk, c // chunk, ko, i, j]
    result(U, [*tile.prepacked_shape(channels, filters)[::-1]]).vectorize(ki, tile.vector).parallel(j)
    bank.U.compute_root()
    bank.schedule()
    return {"prepacked": U}, [weights]


def _weight(weights: hl.ImageParam, K: int, tile: WinogradTile) -> Weight:
    return lambda ki, ko, c, i, j: weights[_filter_number(ki, ko, K, tile), c, j, i]


def _filter_number(ki: hl.Expr, ko: hl.Expr, K: int, tile: WinogradTile) -> hl.Expr:
    """Filter ki of block ko; beyond the last filter, the last one."""
    k = ko * tile.filters + ki
    return hl.min(k, K - 1) if K % tile.filters else k


def _rotated(weights: hl.ImageParam, K: int, C: int, tile: WinogradTile) -> TransformedFilters:
    """The filters of `inputs`: W [k, c, j, i] rotated by 180°, with channels in place of filters."""

    def weight(ci, co, k, i, j):
        return weights[k, _filter_number(ci, co, C, tile), 2 - j, 2 - i]

    return TransformedFilters(weight, K, tile, "channels")


def inputs(*, problem, tile, after, accumulated=False, prepacked=False):
    """dA_prev, added to the gradient `accumulated` so far: the convolution of dZ with the filters rotated by
    180° and C and K exchanged,

    dA_prev[c, x, y] = Σ_{i, j, k} W[2 − i, 2 − j, c, k] · dZ[k, x + left − 2 + j, y + top − 2 + i].      (1)

    If filters are `prepacked`, W is the result of `transformed`.
    """
    (window, C, K, _, pool, _), tile, numbers = suited(problem), WinogradTile(*tile), Numbers()
    window = numbers.window(window)
    (H, W), (n_H, n_W), (top, _, left, _) = window.input, window.output, window.pads

    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    bank = fixed("W", [*tile.prepacked_shape(K, C)[::-1]] if prepacked else [K, C, 3, 3])
    l, c, k, x, y, n = variables("l c k x y n")
    dZ, dA_prev = hl.Func("dZ"), hl.Func("dA_prev")
    uneven = tile.padded(K) > K
    nearest = upstream.dZ(0, hl.min(k, K - 1) if uneven else k,
                     hl.clamp(x, 0, n_W - 1), hl.clamp(y, 0, n_H - 1), n)  # fmt: skip
    dZ[k, x, y, n] = zero_outside(nearest, x, y, n_W, n_H)

    def pixel(k, x, y, n):
        return dZ[k, x + (left - 2), y + (top - 2), n]

    transposed = bank if prepacked else _rotated(bank, K, C, tile)
    sums = _tiles(pixel, transposed, K, C, (H, W), (1, 1), tile, upstream.dA, numbers)
    others = array("accumulated", [1, C, W, H]) if accumulated else None
    sum_ = sums.at(c, x, y, n)  # (1)
    channel = hl.min(c, C - 1) if C % tile.vector else c
    dA_prev[l, c, x, y, n] = sum_ if others is None else others[l, channel, x, y, n] + sum_
    band = sums.schedule(dA_prev, (l, c, x, y, n))
    if after or uneven:
        _parallelise(dZ.compute_at(dA_prev, band).vectorize(k, tile.vector, _GUARD), tile)
    arguments = [*upstream.arguments, *([] if others is None else [others]), bank, *numbers.arguments]
    return {"dA_prev": dA_prev}, arguments


def _tiles(
    pixel: Pixel, filters: TransformedFilters | hl.ImageParam, C: int, K: int, out: Pair, pool: Pair,
    tile: WinogradTile, image: hl.ImageParam, numbers: Numbers,
) -> Tiles | AnySizeTiles:  # fmt: skip
    """Z of the pictures of `image`."""
    if numbers:
        return AnySizeTiles(pixel, filters, C, K, out, pool, tile, numbers)
    return Tiles(pixel, filters, C, K, out, pool, tile, image.dim(image.dimensions() - 1).extent())


def _parallelise(rows: hl.Func, tile: WinogradTile) -> None:
    """Share [.., y, n] of a block among the threads, unless each thread has its own blocks."""
    if tile.on_the_fly or tile.together:
        y, n = variables("y n")
        rows.parallel(n).parallel(y)

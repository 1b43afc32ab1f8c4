"""Convolution 3 × 3 with stride 1 by Winograd's F(4 × 4, 3 × 3): forward, and the gradient of the input.

The algorithm and its schedule are in tiled.py; here is what goes in and comes out. It multiplies a quarter as
often as the direct sum. The error is at most 5e-5 of the largest number, and 2e-4 in gradients. Arguments and
results are those of conv.forward and conv_backward.inputs, but that W is [k, c, j, i] in both; layouts as in
algebra.py, with L = 1.
"""

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, Upstream, array, fixed, padded_rows, result, variables
from fovea.kernels.pipelines.epilogue import Epilogue, activate_and_pool
from fovea.kernels.pipelines.tiled import Tiles
from fovea.kernels.pipelines.transformed import TransformedFilters, Weight
from fovea.kernels.pipelines.transforms import suited
from fovea.kernels.winograd_tiles import WinogradTile

_GUARD, _WHOLE = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


def forward(*, problem, tile, bias, activation, saved, normalised=False, add=False, prepacked=False):
    """A: Z, then in a prediction what `Epilogue` says, then the activation, then max-pooling; if `saved` also
    what Upstream reads (see `activate_and_pool`). Where filters are `prepacked`, W is what `transformed`
    makes of them, or conv.packed where they are transformed on the fly."""
    problem, tile = suited(problem), WinogradTile(*tile)
    window, C, K, _, pool, _ = problem
    (H, W), (top, _, left, _), (p_H, p_W) = window.input, window.pads, pool

    A_prev = array("A_prev", [1, W * C, H])
    b = fixed("b", [K])
    l, k, x, y, n = variables("l k x y n")
    # Where vectors run over the channels' end: into the next pixel, and into a copy's margin.
    staged = padded_rows(A_prev, window, C, overrun=True) if tile.padded(C) > C else None

    def pixel(c, x, y, n):
        if staged is not None:
            return staged[0, x * C + c, y, n]
        at = A_prev[0, hl.clamp(x - left, 0, W - 1) * C + c, hl.clamp(y - top, 0, H - 1), n]
        return _inside(at, x - left, y - top, W, H)

    out = problem.pooled
    if not prepacked:
        weights = fixed("W", [K, C, 3, 3])
        filters_ = TransformedFilters(_of(weights, K, tile), C, tile, "filters")
    elif tile.on_the_fly:
        weights = array("W", [tile.filters, 3 * C, 3])
        filters_ = TransformedFilters(
            lambda ki, ko, c, i, j: weights[ki, j * C + c, i, ko], C, tile, "blocks"
        )
    else:
        weights = filters_ = fixed("W", [*tile.prepacked_shape(C, K)[::-1]])
    sums = Tiles(pixel, filters_, C, K, out, pool, tile, _count(A_prev))

    epilogue = Epilogue(normalised, add, [1, K, *out[::-1]], tile.vector)

    def position(column, row):
        Z = sums.at(k, x * p_W + column, y * p_H + row, n)
        Z = hl.strict_float(Z + b[hl.min(k, K - 1) if K % tile.vector else k]) if bias else Z
        return epilogue.apply(Z, l, k, x, y, n)

    A = hl.Func("A")
    A[l, k, x, y, n] = activate_and_pool(position, activation, pool, saved)
    band = sums.schedule(A, (l, k, x, y, n))
    if staged is not None:
        q = variables("q")[0]
        _share_out(staged.compute_at(A, band).vectorize(q, tile.vector, _WHOLE), tile)
    epilogue.schedule()
    return {"A saved" if saved else "A": A}, [
        A_prev,
        *epilogue.S,
        weights,
        *([b] if bias else []),
        *epilogue.arguments,
    ]


def transformed(*, channels, filters, tile):
    """U [ki, c, ko, i, j] of W [k, c, j, i], unless tile.on_the_fly."""
    tile, weights = WinogradTile(*tile), fixed("W", [filters, channels, 3, 3])
    own = TransformedFilters(_of(weights, filters, tile), channels, tile, "filters")
    U, (ki, c, ko, i, j) = hl.Func("prepacked"), variables("ki c ko i j")
    chunk = tile.chunk or tile.padded(channels)
    U[ki, c, ko, i, j] = own.U[ki, c % chunk, c // chunk, ko, i, j]
    result(U, [*tile.prepacked_shape(channels, filters)[::-1]]).vectorize(ki, tile.vector).parallel(j)
    own.U.compute_root()
    own.schedule()
    return {"prepacked": U}, [weights]


def _of(weights: hl.ImageParam, K: int, tile: WinogradTile) -> Weight:
    return lambda ki, ko, c, i, j: weights[_filter(ki, ko, K, tile), c, j, i]


def _filter(ki: hl.Expr, ko: hl.Expr, K: int, tile: WinogradTile) -> hl.Expr:
    """Number ki of block ko; of the last block, what there is."""
    k = ko * tile.filters + ki
    return hl.min(k, K - 1) if K % tile.filters else k


def inputs(*, problem, tile, after, accumulated=False):
    """dA_prev, added to what others have `accumulated`: the convolution of dZ with the filters turned by half
    and C and K exchanged,

    dA_prev[c, x, y] = Σ_{i, j, k} W[2 − i, 2 − j, c, k] · dZ[k, x + left − 2 + j, y + top − 2 + i].      (1)
    """
    (window, C, K, _, pool, _), tile = suited(problem), WinogradTile(*tile)
    (H, W), (n_H, n_W), (top, _, left, _) = window.input, window.output, window.pads

    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    bank = fixed("W", [K, C, 3, 3])
    l, c, k, x, y, n = variables("l c k x y n")
    dZ, dA_prev = hl.Func("dZ"), hl.Func("dA_prev")
    uneven = tile.padded(K) > K
    at = upstream.dZ(0, hl.min(k, K - 1) if uneven else k,
                     hl.clamp(x, 0, n_W - 1), hl.clamp(y, 0, n_H - 1), n)  # fmt: skip
    dZ[k, x, y, n] = _inside(at, x, y, n_W, n_H)

    def pixel(k, x, y, n):
        return dZ[k, x + (left - 2), y + (top - 2), n]

    count = _count(upstream.dA)

    def turned(ci, co, k, i, j):
        return bank[k, _filter(ci, co, C, tile), 2 - j, 2 - i]

    transposed = TransformedFilters(turned, K, tile, "channels")
    sums = Tiles(pixel, transposed, K, C, (H, W), (1, 1), tile, count)
    others = array("accumulated", [1, C, W, H]) if accumulated else None
    sum_ = sums.at(c, x, y, n)  # (1)
    inside = hl.min(c, C - 1) if C % tile.vector else c
    dA_prev[l, c, x, y, n] = sum_ if others is None else others[l, inside, x, y, n] + sum_
    band = sums.schedule(dA_prev, (l, c, x, y, n))
    if after or uneven:
        _share_out(dZ.compute_at(dA_prev, band).vectorize(k, tile.vector, _GUARD), tile)
    return {"dA_prev": dA_prev}, [*upstream.arguments, *([] if others is None else [others]), bank]


def _inside(value: hl.Expr, x: hl.Expr, y: hl.Expr, W: int, H: int) -> hl.Expr:
    return hl.select((x >= 0) & (x < W) & (y >= 0) & (y < H), value, ZERO)


def _share_out(rows: hl.Func, tile: WinogradTile) -> None:
    """Let the threads share out [.., y, n] of a block that is not a single thread's."""
    if tile.on_the_fly:
        y, n = variables("y n")
        rows.parallel(n).parallel(y)


def _count(image: hl.ImageParam) -> hl.Expr:
    return image.dim(image.dimensions() - 1).extent()

"""Convolution with groups narrower than a vector, in NHWC: depthwise, where each channel has its own filters,
and groups of a few channels.

With C_g channels and K_g filters per group, g(k) the first channel of filter k's group,

    Z[k, x, y] = b[k] + Σ_{i, j, c < C_g} W[i, j, c, k] · A_prev[g(k) + c, x·s + j·d, y·s + i·d]           (1)
    dA_prev[c] gathers W · dZ of the K_g filters of c's group, over the windows that read the pixel        (2)
    dW[i, j, c, k] = Σ_{n, x, y} A_prev[g(k) + c, x·s + j·d, y·s + i·d, n] · dZ[k, x, y, n]                (3)

A vector holds the sums of neighbouring filters (or channels). In depthwise convolution it is also a vector of
A_prev, whose numbers have few products each: such a layer is limited by reading and writing. If a vector
spans several groups, each filter's channel is first copied to the filter's position (`Gathered`).
"""

from collections.abc import Callable
from typing import NamedTuple

import halide as hl

from fovea.geometry import Window
from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, fixed, mirrored, result, variables
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.pipelines.epilogue import Epilogue, activate_and_pool
from fovea.kernels.pipelines.partial_sums import PartialSums
from fovea.kernels.pipelines.taps import Taps
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import DepthwiseTile

_GUARD, _INWARDS = hl.TailStrategy.GuardWithIf, hl.TailStrategy.ShiftInwards


def forward(*, problem, tile, bias, activation, saved, normalised=False, add=False):
    """(1), then in a prediction the `Epilogue`, then the activation; if `saved`, also the memory that
    `Upstream` reads."""
    (window, C, K, G, pool, lanes), tile = ConvProblem.of(problem), DepthwiseTile(*tile)
    (H, W), (f_H, f_W), (s_H, s_W), (d_H, d_W) = window.input, window.size, window.stride, window.dilation
    (n_H, n_W), (top, _, left, _), C_g = window.output, window.pads, C // G
    assert (lanes, pool) == (1, (1, 1))

    # Algorithm
    A_prev = array("A_prev", [1, W * C, H])
    weights, b = fixed("W", [K, C_g, f_W, f_H]), fixed("b", [K])
    l, k, x, y, n = variables("l k x y n")
    overhang = n_H % tile.rows > 0 or tile.band % tile.rows > 0  # of the last tiles
    border = not window.mirror and (any(window.pads) or overhang)
    gathered = Gathered(_pixels(A_prev, window, C), (W, H), K // G, C_g, border=border)
    Z, A = hl.Func("Z"), hl.Func("A")
    r = hl.RDom([(0, C_g), (0, f_W), (0, f_H)], "r")
    Z[k, x, y, n] = b[k] if bias else ZERO
    pixel = gathered.f[k, r[0], x * s_W + r[1] * d_W - left, y * s_H + r[2] * d_H - top, n]
    Z[k, x, y, n] += weights[k, r[0], r[1], r[2]] * pixel  # (1)
    epilogue = Epilogue(normalised, add, [1, K, n_W, n_H], tile.vector)
    Y = epilogue.apply(hl.Expr(Z[k, x, y, n]), l, k, x, y, n)
    A[l, k, x, y, n] = activate_and_pool(lambda column, row: Y, activation, pool, saved)

    # Schedule: see _tiled. The sums of a vector of channels at 7 columns × 2 rows share the loads of their
    # windows; more sums do not pay, as a layer is mostly limited by memory.
    #   mobilenet_v2 --inference, with batch normalisation and ReLU6, 3×3: 14×14×384: 0.082 ms, 56% of peak;
    #   28×28×192: 0.21 ms, 45 GB/s; 112×112×96, stride 2: 2.7 ms, 18 GB/s.
    #   Groups of 4 channels, (8, 56, 56, 128), 3×3: 2.9 ms, 34% of peak; inputs 5.4 ms and weights
    #   5.3 ms, 18%.
    result(A, [1, K, n_W, n_H])
    levels = _tiled(A, tile, (1, 1), gathered.staged)
    _sum_in_registers(Z, A, levels, r, (C_g, f_W, f_H), tile)
    gathered.stage(A, levels.staging, tile.vector)
    epilogue.schedule()
    return {"A saved" if saved else "A": A}, [
        A_prev,
        *epilogue.S,
        weights,
        *([b] if bias else []),
        *epilogue.arguments,
    ]


def inputs(*, problem, tile, after, accumulated=False, bias=False):
    """(2), phase by phase, with `accumulated` and `bias` as in conv_backward.py."""
    (window, C, K, G, pool, lanes), tile = ConvProblem.of(problem), DepthwiseTile(*tile)
    (H, W), (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    (top, _, left, _), C_g, K_g = window.pads, C // G, K // G
    assert (lanes, pool) == (1, (1, 1))

    # Algorithm
    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    bank, b = fixed("W", [K, C_g, f_W, f_H]), fixed("b", [C])
    l, k, c, x, y, n, q, j, i = variables("l k c x y n q j i")
    dZ, packed, dA_prev = hl.Func("dZ"), hl.Func("packed"), hl.Func("dA_prev")
    dZ[l, k, x, y, n] = upstream.dZ(l, k, x, y, n)
    source = dZ if after else upstream.dA
    gathered = Gathered(lambda *index: source[(0, *index)], (n_W, n_H), C_g, K_g)
    packed[c, q, j, i] = bank[c // C_g * K_g + q, c % C_g, j, i]
    phases = []
    for phase_y, taps_y in enumerate(Taps.of(f_H, s_H, window.dilation[0], top)):
        for phase_x, taps_x in enumerate(Taps.of(f_W, s_W, window.dilation[1], left)):
            sums, r, extents = hl.Func(f"phase_{phase_y}{phase_x}"), None, (K_g, taps_x.count, taps_y.count)
            sums[c, x, y, n] = b[c] if bias else ZERO
            if taps_x.count and taps_y.count:
                r = hl.RDom([(0, extent) for extent in extents], f"r_{phase_y}{phase_x}")
                weight = packed[c, r[0], taps_x.tap(r[1]), taps_y.tap(r[2])]
                column, row = x + taps_x.position(r[1]), y + taps_y.position(r[2])
                sums[c, x, y, n] += weight * gathered.f[c, r[0], column, row, n]  # (2)
            phases.append((sums, r, extents))
    sum_ = hl.mux(
        (y % s_H) * s_W + x % s_W, [hl.Expr(sums[c, x // s_W, y // s_H, n]) for sums, _, _ in phases]
    )
    others = array("accumulated", [1, C, W, H]) if accumulated else None
    channel = hl.min(c, C - 1) if C % tile.vector else c
    dA_prev[l, c, x, y, n] = sum_ if others is None else others[l, channel, x, y, n] + sum_

    # Schedule: as in `forward`; a tile covers whole phases.
    #   mobilenet_v2, 3×3: 28×28×192: 0.22 ms, 43 GB/s; 112×112×96 ← 56×56, stride 2: 3.4 ms, 14 GB/s.
    result(dA_prev, [1, C, W, H])
    levels = _tiled(dA_prev, tile, (s_H, s_W), gathered.staged)
    for sums, r, extents in phases:
        _sum_in_registers(sums, dA_prev, levels, r, extents, tile)
    if C_g * K_g > 1:
        packed.compute_root()
    if after:
        dZ.compute_at(dA_prev, levels.band).vectorize(k, tile.vector, _GUARD)
    gathered.stage(dA_prev, levels.staging, tile.vector)
    arguments = [*upstream.arguments, *([others] if accumulated else []), bank, *([b] if bias else [])]
    return {"dA_prev": dA_prev}, arguments


def weights(*, problem, tile, after, bias):
    """(3), and db. The pictures are divided into a fixed number of parts, whose sums are added in order at
    the end."""
    (window, C, K, G, pool, lanes), tile = ConvProblem.of(problem), DepthwiseTile(*tile)
    (H, W), (f_H, f_W), (s_H, s_W), (d_H, d_W) = window.input, window.size, window.stride, window.dilation
    (n_H, n_W), (top, _, left, _), C_g, V = window.output, window.pads, C // G, tile.vector
    K_up = -(-K // V) * V
    assert (lanes, pool) == (1, (1, 1))

    # Algorithm
    A_prev = array("A_prev", [1, W * C, H])
    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    parts = PartialSums(upstream.dA.dim(4).extent())
    k, c, x, y, n, i, j, band, part = variables("k c x y n i j band part")
    most, border = K if K_up > K else None, not window.mirror
    gathered = Gathered(_pixels(A_prev, window, C), (W, H), K // G, C_g, border=border, most=most)
    dZ, row_sum, part_sum, dW = (hl.Func(name) for name in ("dZ", "row_sum", "part_sum", "dW"))
    nearest = upstream.dZ(hl.i32(0), hl.min(k, K - 1), x, hl.min(y, n_H - 1), n)
    overhang = K_up > K or n_H % tile.band > 0
    dZ[k, x, y, n] = hl.select((k < K) & (y < n_H), nearest, ZERO) if overhang else nearest
    r = hl.RDom([(0, n_W), (0, tile.band)], "r")
    row = band * tile.band + r[1]
    row_sum[k, c, j, i, band, n] = ZERO
    row_sum[k, c, j, i, band, n] += (
        gathered.f[k, c, r[0] * s_W + j * d_W - left, row * s_H + i * d_H - top, n] * dZ[k, r[0], row, n]
    )  # (3)
    g, member = parts.members(part, [(0, -(-n_H // tile.band))])
    part_sum[k, c, j, i, part] = ZERO
    part_sum[k, c, j, i, part] += row_sum[k, c, j, i, g[0], member]
    p = hl.RDom([(0, parts.used)], "p")
    dW[k, c, j, i] = ZERO
    dW[k, c, j, i] += part_sum[k, c, j, i, p[0]]

    # Schedule: for one picture, band of rows and vector of filters, the sums of all positions of the window
    # stay in registers, 9 for 3×3, while dZ and A_prev are read once.
    #   mobilenet_v2, 3×3: 28×28×192: 0.55 ms, 17 GB/s; 56×56×144: 2.0 ms, 14 GB/s.
    kb, ki = variables("kb ki")
    result(dW, [K, C_g, f_W, f_H]).vectorize(k, V, _GUARD)
    dW.update().reorder(k, p[0], c, j, i).vectorize(k, V, _GUARD)
    part_sum.compute_root().bound_extent(k, K_up).vectorize(k, V).parallel(part)
    update = part_sum.update().split(k, kb, ki, V).reorder(ki, j, i, c, kb, g[0], g[1], part)
    update.vectorize(ki).unroll(j).unroll(i).parallel(part)
    row_sum.compute_at(part_sum, c).bound_extent(k, V).vectorize(k).unroll(j).unroll(i)
    inner = row_sum.update().reorder(k, j, i, r[0], r[1]).vectorize(k).unroll(j).unroll(i)
    if tile.columns > 1:
        inner.unroll(r[0], tile.columns)
    if tile.rows > 1:
        inner.unroll(r[1], tile.rows)
    if after or overhang:
        dZ.compute_at(part_sum, g[0]).bound_extent(k, K_up).vectorize(k, V)
    gathered.stage(part_sum, kb, V, V if K_up > K else None)
    db = {"db": bias_gradient(upstream, K, 1, V)} if bias else {}
    return {"dW": dW, **db}, [A_prev, *upstream.arguments]


def _pixels(A_prev: hl.ImageParam, window: Window, channels: int) -> Callable:
    if window.mirror:
        H, W = window.input
        return lambda c, x, y, n: A_prev[0, mirrored(x, W) * channels + c, mirrored(y, H), n]
    return lambda c, x, y, n: A_prev[0, x * channels + c, y, n]


class Gathered:
    """The inputs of neighbouring filters, side by side: f[k, c, x, y, n] is channel c of the group of filter
    k, zero beyond the border. A group has `width` filters and `depth` channels; `most` is the number of
    filters, if vectors extend beyond the last one. source(channel, column, row, picture) is a pixel. For the
    gradient of the input, with filters and channels exchanged, it is dZ."""

    def __init__(
        self,
        source: Callable,
        size: tuple[int, int],
        width: int,
        depth: int,
        *,
        border: bool = True,
        most: int | None = None,
    ) -> None:
        self.width, self.staged, (W, H) = width, width * depth > 1 or most is not None, size
        self.f, (k, c, x, y, n) = hl.Func("gathered"), variables("k c x y n")
        self._k = k
        channel = (k if most is None else hl.min(k, most - 1)) // width * depth + c
        if not border:
            self.f[k, c, x, y, n] = source(channel, x, y, n)
            return
        outside = (x < 0) | (x >= W) | (y < 0) | (y >= H)
        column, row = hl.clamp(hl.likely(x), 0, W - 1), hl.clamp(hl.likely(y), 0, H - 1)
        self.f[k, c, x, y, n] = hl.select(outside, ZERO, hl.likely(source(channel, column, row, n)))

    def stage(self, consumer: hl.Func, level: hl.Var, vector: int, filters: int | None = None) -> None:
        """Schedule the copy, if there is one; `filters` is the number of filters read, if it differs."""
        if not self.staged:
            return
        self.f.compute_at(consumer, level)
        if filters:
            self.f.bound_extent(self._k, filters)
        if self.width in (2, 4, 8) and not filters:
            g, kg = variables("g kg")
            self.f.split(self._k, g, kg, self.width, _GUARD).vectorize(kg)
        else:
            self.f.vectorize(self._k, vector, _GUARD)


class _Levels(NamedTuple):
    """The loops of a pass at which its intermediate results are computed."""

    block: hl.Var  # the sums of a register tile
    staging: hl.Var  # their gathered inputs
    band: hl.Var  # dZ of a band of rows


def _tiled(A: hl.Func, tile: DepthwiseTile, phases: tuple[int, int], staged: bool) -> _Levels:
    """Pictures and bands of rows in parallel; a register tile is a vector of channels at `columns` × `rows`
    pixels. All channels of a tile are computed before the next tile, in the order of memory; if their inputs
    are `staged`, all tiles of a vector of channels before the next vector."""
    (s_H, s_W), (l, k, x, y, n) = phases, A.args()
    kb, ki, xo, xi, yo, yt, yi = variables("kb ki xo xi yo yt yi")
    inwards = _INWARDS if phases == (1, 1) else _GUARD
    A.split(k, kb, ki, tile.vector, _INWARDS).split(x, xo, xi, tile.columns * s_W, inwards)
    A.split(y, yo, yt, tile.band * s_H, _GUARD).split(yt, yt, yi, tile.rows * s_H, _GUARD)
    outer = [xo, yt, kb] if staged else [kb, xo, yt]
    A.reorder(l, ki, xi, yi, *outer, yo, n).vectorize(ki).unroll(xi).unroll(yi).parallel(n).parallel(yo)
    return _Levels(outer[0], kb if staged else yo, yo)


def _sum_in_registers(
    sums: hl.Func,
    A: hl.Func,
    levels: _Levels,
    r: hl.RDom | None,
    extents: tuple[int, ...],
    tile: DepthwiseTile,
) -> None:
    """`r`, of `extents`, runs over channels, columns and rows; it is None if nothing is added."""
    k, x, y, _ = sums.args()
    sums.compute_at(A, levels.block)
    sums.bound_extent(k, tile.vector).bound_extent(x, tile.columns).bound_extent(y, tile.rows)
    sums.vectorize(k).unroll(x).unroll(y)
    if r is None:
        return
    update = sums.update().reorder(k, x, y, r[0], r[1], r[2]).vectorize(k).unroll(x).unroll(y)
    count = 1
    for axis in (1, 2, 0):
        if count * extents[axis] <= tile.unroll:
            count *= extents[axis]
            update.unroll(r[axis])

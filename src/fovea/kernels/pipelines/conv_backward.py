"""Convolution backward: the gradients of input, weights and bias.

    dA_prev += Σ W·dZ, gathered: each input pixel sums over the windows that read it                      (2)
    dW[i, j, k] = Σ_{l, x, y} A_prev[l, x·s·C + j, y·s + i] · dZ[l, k, x, y]                               (3)

db is in bias.py. dZ is computed from the gradient that enters the stage and the memory of its activation and
pooling (upstream.py).
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, fixed, padded_rows, result, variables
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.pipelines.numbers import Numbers
from fovea.kernels.pipelines.partial_sums import PartialSums
from fovea.kernels.pipelines.taps import Taps
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.pipelines.vectors import split_blocks, vectorize_channels, vectorize_rows, vectorize_tile
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import Tile

# ---- The gradient of the input -----------------------------------------------------------------------------


def inputs(*, problem, tile, after, accumulated=False, bias=False, prepacked=False):
    """(2), added to the gradient `accumulated` so far. With stride s, the pixels of equal row and column
    modulo s form s² phases; each is a convolution of dZ, of stride 1, with the weights that meet that phase.
    With groups, all channels of a block belong to one group, and the sum is over its filters. With `bias`,
    each channel's sums start from its bias: a transposed convolution. If filters are `prepacked`, which needs
    stride 1, W is the result of `packed`."""
    (window, C, K, groups, pool, L), tile = ConvProblem.of(problem), Tile(*tile)
    numbers = Numbers()
    window, band = numbers.window(window), numbers.number("band", tile.band)
    (H, W), (s_H, s_W), (n_H, n_W) = window.input, window.stride, window.output
    (f_H, f_W), (top, _, left, _) = window.size, window.pads
    B, K_g, C_g = tile.filters, K // groups, C // groups
    assert groups == 1 or C_g % B == 0

    # Algorithm
    upstream = Upstream(after, L, K, (n_H, n_W), pool)
    bank = fixed("W", [B, K_g, f_W, f_H, -(-C // B)] if prepacked else [K, C_g, f_W, f_H])
    b = fixed("b", [C])
    l, k, c, x, y, n, ci, co = variables("l k c x y n ci co")
    dZ, dA_prev = hl.Func("dZ"), hl.Func("dA_prev")
    # Neither a window nor a tile extends beyond the border.
    no_border = not numbers and (f_H, f_W) == (1, 1) and not any(window.pads)
    no_border = no_border and (s_W == 1 or n_W % tile.columns == 0)
    whole_rows = L > 1 and s_W == 1 and tile.columns == W  # products beyond the border vanish at compile time
    if no_border:
        # y is always below n_H here, but bounds inference rounds the last band up.
        row = hl.min(y, n_H - 1) if s_H > 1 or n_H % tile.band else y
        dZ[l, k, x, y, n] = upstream.dZ(l, k, x, row, n)
    else:
        inside = (x >= 0) & (x < n_W) & (y >= 0) & (y < n_H)
        nearest = upstream.dZ(l, k, hl.clamp(x, 0, n_W - 1), hl.clamp(y, 0, n_H - 1), n)
        dZ[l, k, x, y, n] = hl.select(inside, nearest, ZERO)
    phases, packs = [], []
    taps_H, taps_W = Taps.of(f_H, s_H, window.dilation[0], top), Taps.of(f_W, s_W, window.dilation[1], left)
    for phase_y, taps_y in enumerate(taps_H):
        for phase_x, taps_x in enumerate(taps_W):
            sums = hl.Func(f"phase_{phase_y}{phase_x}")
            channel = hl.min(co * B + ci, C - 1) if C % B else co * B + ci
            sums[l, ci, x, y, n, co] = b[channel] if bias else ZERO
            phases.append((sums, None))
            if not taps_x.count or not taps_y.count:
                continue  # if the stride exceeds the filter, no window reads this phase
            if prepacked:
                assert (s_H, s_W) == (1, 1)
                blocks_of_phase = bank
            else:
                packs.append(_packed(bank, (taps_x, taps_y), C, K, groups, B))
                blocks_of_phase = packs[-1][1]
            group = co // (C_g // B) if groups > 1 else 0
            r = hl.RDom([(0, K_g), (0, taps_x.count), (0, taps_y.count)], f"r_{phase_y}{phase_x}")
            row = y + taps_y.position(r[2])
            if not no_border:
                r.where((row >= 0) & (row < n_H))  # others add zeros
            column = x + taps_x.position(r[1])
            nearest = hl.clamp(column, 0, n_W - 1) if whole_rows else column
            product = blocks_of_phase[ci, r[0], r[1], r[2], co] * dZ[l, r[0] + group * K_g, nearest, row, n]
            if whole_rows:
                product = hl.select((column >= 0) & (column < n_W), product, ZERO)
            sums[l, ci, x, y, n, co] += product  # (2)
            phases[-1] = (sums, r)
    sum_ = hl.mux(
        (y % s_H) * s_W + x % s_W, [hl.Expr(f[l, c % B, x // s_W, y // s_H, n, c // B]) for f, _ in phases]
    )
    others = array("accumulated", [L, C, W, H]) if accumulated else None
    channel = hl.min(c, C - 1) if C % B else c  # the last block's stores are masked, its loads are not
    dA_prev[l, c, x, y, n] = sum_ if others is None else others[l, channel, x, y, n] + sum_

    # Schedule: as in conv.forward; a tile covers whole phases.
    #   resnet18: 14×14×256 ← 512 filters 3×3, stride 2: 5.1 ms, 77% of peak; 56×56×64 ← 128 filters 3×3,
    #   stride 2: 4.6 ms, 86%; 28×28×128 ← 256 filters 1×1, stride 2: 0.85 ms, 51%.
    #   lenet5: 14×14×6 ← 16 filters 5×5 through ReLU and pooling, 16 pictures side by side: 0.201 ms, 65%.
    # In lenet5 a tile is a whole row of 14 sums × 2 channels, so that 20 of 70 products per row, beyond the
    # border, are left out.
    xo, xi, yo, yi, yt, yp = variables("xo xi yo yi yt yp")
    result(dA_prev, [L, C, W, H])
    inwards, guard = hl.TailStrategy.ShiftInwards, hl.TailStrategy.GuardWithIf
    dA_prev.split(x, xo, xi, tile.columns * s_W, inwards if s_W == 1 and not numbers else guard)
    dA_prev.split(y, yo, yi, band * s_H, guard).split(yi, yt, yp, s_H, guard)
    cb, inner = split_blocks(dA_prev, l, c, C, L, tile)
    blocks = [xo, yt, cb] if L == 1 else [cb, xo, yt]
    dA_prev.reorder(*inner, xi, yp, *blocks, yo, n).unroll(xi).unroll(yp).parallel(n).parallel(yo)
    if L == 1 and tile.shared:
        dA_prev.parallel(cb)
    for sums, r in phases:
        sums.compute_at(dA_prev, blocks[0])
        sums.bound_extent(ci, B).bound_extent(x, tile.columns).bound_extent(y, 1)
        vectorize_tile(sums.unroll(x).unroll(y), l, ci, L, tile)
        if r is not None:
            update = sums.update().reorder(l, ci, x, y, r[0], r[1], r[2]).unroll(x).unroll(y)
            vectorize_tile(update, l, ci, L, tile)
            if tile.unroll > 1:
                update.unroll(r[0], tile.unroll)
            if whole_rows:
                update.reorder(l, ci, x, y, r[1], r[0], r[2]).unroll(r[1])
    for read, blocks_of_phase in packs:
        if L == 1:
            transpose(blocks_of_phase, read, B, K_g, tile.vector)
    if not no_border or after:
        dZ.compute_at(dA_prev, yo)
        vectorize_channels(dZ, l, k, L, tile.vector)
    arguments = [*upstream.arguments, *([others] if accumulated else []), bank, *([b] if bias else [])]
    arguments += numbers.arguments
    return {"dA_prev": dA_prev}, arguments


def packed(*, problem, block, vector):
    """W [k, c, j, i] in blocks of `block` channels, as `inputs` reads them."""
    window, C, K, groups, _, _ = ConvProblem.of(problem)
    (f_H, f_W), K_g = window.size, K // groups
    bank = fixed("W", [K, C // groups, f_W, f_H])
    taps = Taps.of(f_W, 1, window.dilation[1], 0)[0], Taps.of(f_H, 1, window.dilation[0], 0)[0]
    read, blocks = _packed(bank, taps, C, K, groups, block)
    result(blocks, [block, K_g, f_W, f_H])
    transpose(blocks, read, block, K_g, vector, root=False)
    return {"prepacked": blocks}, [bank]


def _packed(
    bank: hl.ImageParam, taps: tuple[Taps, Taps], C: int, K: int, groups: int, B: int
) -> tuple[hl.Func, hl.Func]:
    """The weights that meet a phase, read along the filters; and in blocks of B channels, [ci, k, t_x, t_y,
    co]."""
    (taps_x, taps_y), (ci, k, t_x, t_y, co) = taps, variables("ci k t_x t_y co")
    read, blocks, K_g, C_g = hl.Func("read"), hl.Func("packed"), K // groups, C // groups
    channel, group = (
        hl.min(co * B + ci, C - 1) if C % B else co * B + ci,
        co // (C_g // B) if groups > 1 else 0,
    )
    filter_, channel = k + group * K_g, channel - group * C_g  # of the bank, and within the group
    read[k, ci, t_x, t_y, co] = bank[filter_, channel, taps_x.tap(t_x), taps_y.tap(t_y)]
    blocks[ci, k, t_x, t_y, co] = read[k, ci, t_x, t_y, co]
    return read, blocks


def transpose(packed: hl.Func, read: hl.Func, B: int, K: int, V: int, root: bool = True) -> None:
    """Schedule packed[ci, k, …] = read[k, ci, …]: V numbers of each channel are read along k into the
    first-level cache, and blocks of V × V are transposed in registers and written along ci. The blocks are a
    loop: unrolled, B × V numbers took 11 s to compile with 128 channels, and were no faster."""
    (ci, k, *_, co), (ko, ki, cb, cv) = packed.args(), variables("ko ki cb cv")
    if root:
        packed.compute_root().bound_extent(ci, B)
    packed.parallel(co)
    if K % V or B % V:
        packed.vectorize(ci)
        return
    packed.split(k, ko, ki, V).split(ci, cb, cv, V).reorder(cv, ki, cb, ko).vectorize(cv).unroll(ki)
    read.compute_at(packed, ko).split(ci, cb, cv, V).vectorize(k).unroll(cv)


# ---- The gradients of weights and bias ---------------------------------------------------------------------


def weights(*, problem, tile, after, bias):
    """(3), and db. With groups, all filters of a block belong to one group. The pictures are divided into a
    fixed number of parts, whose sums are added in order at the end."""
    problem, tile = ConvProblem.of(problem), Tile(*tile)
    window, C, K, groups, pool, L = problem
    (H, W), (f_H, _), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    B, C_g, K_g, J = tile.filters, C // groups, K // groups, problem.row
    K_up = -(-K // B) * B
    assert groups == 1 or K_g % B == 0

    # Algorithm
    A_prev = array("A_prev", [L, W * C, H])
    upstream = Upstream(after, L, K, (n_H, n_W), pool)
    parts = PartialSums(upstream.dA.dim(4).extent())
    l, k, j, i, x, y, n, part, band = variables("l k j i x y n part band")
    rows = padded_rows(A_prev, window, C, overrun=J % tile.columns > 0)
    dZ, tile_sum, part_sum, dW = hl.Func("dZ"), hl.Func("tile_sum"), hl.Func("part_sum"), hl.Func("dW")
    nearest = upstream.dZ(l, hl.min(k, K - 1), x, hl.min(y, n_H - 1), n)
    dZ[l, k, x, y, n] = hl.select((k < K) & (y < n_H), nearest, ZERO)
    r = hl.RDom([(0, n_W), (0, tile.band)], "r")
    tile_sum[l, k, j, i, band, n] = ZERO
    row = band * tile.band + r[1]
    q = j if groups == 1 else j // C_g * C + j % C_g + k // B // (K_g // B) * C_g
    if window.dilation[1] > 1:
        q += j // C_g * (window.dilation[1] - 1) * C
    pixel = rows[l, r[0] * s_W * C + q, hl.min(row, n_H - 1) * s_H + i * window.dilation[0], n]
    tile_sum[l, k, j, i, band, n] += dZ[l, k, r[0], row, n] * pixel  # (3)
    g, group = parts.members(part, [(0, -(-n_H // tile.band))])
    across, lane = hl.Func("across"), hl.RDom([(0, L)], "lane")
    across[k, j, i, band, n] = ZERO
    across[k, j, i, band, n] += tile_sum[lane[0], k, j, i, band, n]
    part_sum[l, k, j, i, part] = ZERO
    part_sum[l, k, j, i, part] += across[k, j, i, g[0], group]
    dW[k, j, i] = parts.total(part_sum, 1, k, j, i)

    # Schedule: for one picture (or L) and a band of its rows, dZ and the padded rows are computed once; then
    # each tile of filters × numbers of the window is summed over the band in registers.
    #   lenet5: 14×14×6, 16 filters 5×5, ReLU and pooling, 16 pictures side by side: 0.157 ms, 83% of peak.
    #   resnet18: 224×224×3, 64 filters 7×7, stride 2: 9.3 ms, 86%; its 3 channels do not fill a panel
    #   (conv_panels.py).
    # 4 filters × 6 numbers of the window make 24 sums from 10 loads.
    kb, ki, jb, ji = variables("kb ki jb ji")
    result(dW, [K, J, f_H]).parallel(i)
    part_sum.compute_root().bound_extent(l, 1).bound_extent(k, K_up).parallel(part)
    vectorize_channels(part_sum, l, k, 1, tile.vector)
    update = part_sum.update().split(k, kb, ki, B).split(j, jb, ji, tile.columns, hl.TailStrategy.GuardWithIf)
    update.reorder(l, ki, ji, kb, jb, i, g[0], g[1], part).unroll(ji).parallel(part)
    if L > 1:
        update.unroll(ki)
        across.compute_at(part_sum, kb).bound_extent(k, B).bound_extent(j, tile.columns).unroll(k).unroll(j)
        across.update().unroll(k).unroll(j).atomic().vectorize(lane[0])
    else:
        vectorize_tile(update, l, ki, L, tile)
    tile_sum.compute_at(part_sum, kb).bound_extent(k, B).bound_extent(j, tile.columns)
    vectorize_tile(tile_sum.unroll(j), l, k, L, tile)
    inner = tile_sum.update().reorder(l, k, j, r[0], r[1]).unroll(j)
    vectorize_tile(inner, l, k, L, tile)
    if rows is not A_prev:
        rows.compute_at(part_sum, g[0])
        vectorize_rows(rows, L, tile)
    if after or K_up != K or n_H % tile.band:
        dZ.compute_at(part_sum, g[0]).bound_extent(k, K_up)
        vectorize_channels(dZ, l, k, L, tile.vector)
    parts.schedule_total(dW, k, 1, tile.vector)
    db = {"db": bias_gradient(upstream, K, L, tile.vector)} if bias else {}
    return {"dW": dW, **db}, [A_prev, *upstream.arguments]

"""The gradients of weights and bias in NHWC, from panels of channels and of filters.

    dW[i, j, c, k] = Σ_{n, x, y} A_prev[c, x·s + j·d, y·s + i·d, n] · dZ[k, x, y, n]                       (1)

In NHWC, neighbouring positions of one channel are far apart, often by a power of two, so that only few of
them fit into their set of the first-level cache. A block of A_prev and dZ is therefore first copied into
panels: a vector of channels, or the filters of a register tile, position after position.

    band, group   the block: rows of dZ, and pictures      t, i   column and row in the window
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.arrays import array, padded_pixel, result, variables
from fovea.kernels.pipelines.bias import bias_gradient
from fovea.kernels.pipelines.partial_sums import PartialSums
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.problem import ConvProblem
from fovea.kernels.tiles import PanelTile

_GUARD = hl.TailStrategy.GuardWithIf


def weights(*, problem, tile, after, bias):
    """(1), and db. Blocks are divided into a fixed number of parts, whose sums are added in order at the end;
    or, if several such sums would be too large, there is one, and the threads share out its channels."""
    (window, C, K, groups, pool, lanes), tile = ConvProblem.of(problem), PanelTile(*tile)
    (H, W), (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.input, window.size, window.stride, window.output
    V, B = tile.vector, tile.filters
    C_up, K_up = -(-C // V) * V, -(-K // B) * B
    d_H, d_W = window.dilation
    assert groups == lanes == 1

    # Algorithm
    A_prev = array("A_prev", [1, W * C, H])
    upstream = Upstream(after, 1, K, (n_H, n_W), pool)
    count = upstream.dA.dim(4).extent()
    groups, bands = (count + tile.pictures - 1) // tile.pictures, -(-n_H // tile.rows)
    k, c, t, i, x, y, n, o, part, band, group = variables("k c t i x y n o part band group")
    A_panel, dZ_panel, block_sum, part_sum, dW = (
        hl.Func(name) for name in ("A_panel", "dZ_panel", "block_sum", "part_sum", "dW")
    )
    source = hl.min(n, count - 1)
    channel = o * V + c if C_up == C else hl.min(o * V + c, C - 1)
    A_panel[c, x, y, o, n] = padded_pixel(A_prev, window, C, 0, channel, x, y, source)
    filter = o * B + k if K_up == K else hl.min(o * B + k, K - 1)
    gradient = upstream.dZ(hl.i32(0), filter, x, hl.min(y, n_H - 1), source)
    dZ_panel[k, x, y, o, n] = hl.select((y < n_H) & (n < count), gradient, ZERO)
    r = hl.RDom([(0, n_W), (0, tile.rows), (0, tile.pictures)], "r")
    line, picture = band * tile.rows + r[1], group * tile.pictures + r[2]
    block_sum[k, c, t, i, band, group] = ZERO
    block_sum[k, c, t, i, band, group] += (
        dZ_panel[k % B, r[0], line, k // B, picture]
        * A_panel[c % V, r[0] * s_W + t * d_W, line * s_H + i * d_H, c // V, picture]
    )  # (1)
    if tile.shared:
        sums, index, g = dW, (k, c, t, i), hl.RDom([(0, bands), (0, groups)], "g")
        member = g[1]
    else:
        parts = PartialSums(groups)
        sums, index, (g, member) = part_sum, (k, c, t, i, part), parts.members(part, [(0, bands)])
    sums[index] = ZERO
    sums[index] += block_sum[k, c, t, i, g[0], member]
    if not tile.shared:
        p = hl.RDom([(0, parts.used)], "p")
        dW[k, c, t, i] = ZERO
        dW[k, c, t, i] += part_sum[k, c, t, i, p[0]]

    # Schedule: the panels of a block, then its sums. A panel of filters stays in the first-level cache while
    # it meets all panels of channels; a register tile sums over the whole block before it is added.
    #   resnet18: 56×56×64, 128 filters 3×3, stride 2: 4.8 ms, 81% of peak; 14×14×256, 512 filters, one shared
    #   sum of 1.2 million weights: 5.9 ms, 66%. resnet20: 16×16×32, 64 filters 3×3, stride 2: 0.80 ms, 80%.
    # 2 vectors of filters × 8 channels make 16 sums from 10 loads.
    kb, ki, cb, ci, task = variables("kb ki cb ci task")
    result(dW, [K, C, f_W, f_H]).vectorize(k, V, _GUARD).parallel(c)
    update = sums.update().split(k, kb, ki, B).split(c, cb, ci, tile.channels, _GUARD)
    update.split(cb, task, cb, tile.share, _GUARD).reorder(ki, ci, cb, t, i, kb, task, g[0], g[1])
    update.vectorize(ki, V).unroll(ki).unroll(ci)
    if tile.shared:
        update.parallel(task)
    else:
        part_sum.compute_root().bound_extent(k, K_up).bound_extent(c, C_up).vectorize(k, V).parallel(part)
        update.parallel(part)
        dW.update().reorder(k, p[0], c, t, i).vectorize(k, V, _GUARD).parallel(c)
    block_sum.compute_at(sums, cb).bound_extent(k, B).bound_extent(c, tile.channels)
    block_sum.vectorize(k, V).unroll(k).unroll(c)
    block_sum.update().reorder(k, c, r[0], r[1], r[2]).vectorize(k, V).unroll(k).unroll(c)
    for panel, inner, extent, blocks in ((A_panel, c, V, C_up // V), (dZ_panel, k, B, K_up // B)):
        panel.compute_at(sums, g[0]).bound_extent(inner, extent).bound_extent(o, blocks)
        panel.reorder(inner, o, x, y, n).vectorize(inner, V).unroll(inner)
        if tile.shared:
            panel.parallel(y)
    db = {"db": bias_gradient(upstream, K, 1, V)} if bias else {}
    return {"dW": dW, **db}, [A_prev, *upstream.arguments]

"""The gradient of a convolution's bias, whatever computes the others.

db[k] = Σ_{l, x, y} dZ[l, k, x, y]                                                                     (1)
"""

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, Parts, Upstream, result, variables, vectorize_channels


def gradient(*, output, channels, lanes, vector):
    """(1) by itself, of dZ = dA."""
    upstream = Upstream("", lanes, channels, output, (1, 1))
    return [bias_gradient(upstream, channels, lanes, vector)], upstream.arguments


def bias_gradient(upstream: Upstream, K: int, L: int, vector: int) -> hl.Func:
    """(1), from the pooled gradient: a window adds it once, or not at all where its activation is closed."""
    l, k, part = variables("l k part")
    n_H, n_W = upstream.pooled
    part_sum, db = hl.Func("part_sum_db"), hl.Func("db")
    parts = Parts(upstream.dA.dim(4).extent())
    g, group = parts.members(part, [(0, n_W), (0, n_H)])
    part_sum[l, k, part] = ZERO
    part_sum[l, k, part] += upstream.db(l, k, g[0], g[1], group)  # (1)
    db[k] = parts.total(part_sum, L, k)
    result(db, [K])
    part_sum.compute_root().bound_extent(l, L).parallel(part)
    update = part_sum.update().reorder(l, k, g[0], g[1], g[2], part).parallel(part)
    for stage in (part_sum, update):
        vectorize_channels(stage, l, k, L, vector)
    parts.schedule_total(db, k, L, vector)
    return db

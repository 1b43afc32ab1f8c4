"""What follows a convolution while Z is still in registers: an activation and max-pooling."""

from collections.abc import Callable

import halide as hl

from fovea.kernels.pipelines.activations import closed, forward, is_nan
from fovea.kernels.pipelines.algebra import Upstream


def finished(Z: Callable[[int, int], hl.Expr], activation: str, pool: tuple[int, int], noted: bool):
    """A of one window, of whose positions Z(column, row) tells the values. If `noted`, also what Upstream
    reads in the place of A: where there is pooling the byte of the largest's position, else Z.

    The largest is found first: an activation before pooling never falls where Z grows.
    """
    p_H, p_W = pool
    best, winner = Z(0, 0), hl.u8(0)
    for position in range(1, p_H * p_W):
        here = Z(position % p_W, position // p_W)
        better = ~is_nan(best) & ((here > best) | is_nan(here))  # the first of equals; NaN goes through
        winner = hl.select(better, hl.u8(position), winner)
        best = hl.select(better, here, best)
    A = forward(activation, best)
    if not noted:
        return A
    if pool == (1, 1):
        return A, best
    if activation:
        winner = hl.select(closed(activation, best), hl.u8(Upstream.LOSER), winner)
    return A, winner

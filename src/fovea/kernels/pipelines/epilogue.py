"""What follows a convolution while Z is still in registers: ReLU and max-pooling."""

from collections.abc import Callable

import halide as hl

from fovea.kernels.pipelines.algebra import ZERO, Upstream, is_nan, rectified


def finished(Z: Callable[[int, int], hl.Expr], relu: bool, pool: tuple[int, int], winners: bool):
    """A of one window, of whose positions Z(column, row) tells the values; with `winners` also the byte that
    Upstream reads: the position of the largest."""
    p_H, p_W = pool
    best, winner = None, hl.u8(0)
    for position in range(p_H * p_W):
        here = Z(position % p_W, position // p_W)
        if best is None:
            best = here
        else:
            better = ~is_nan(best) & ((here > best) | is_nan(here))  # the first of equals; NaN goes through
            winner = hl.select(better, hl.u8(position), winner)
            best = hl.select(better, here, best)
    if relu:
        winner = hl.select((best <= ZERO) & ~is_nan(best), hl.u8(Upstream.LOSER), winner)
        best = rectified(best)
    return (best, winner) if winners else best

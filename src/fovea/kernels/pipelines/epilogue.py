"""The operations fused behind a convolution, while Z is in registers: in a prediction batch normalisation and
a sum, then an activation and max-pooling."""

from collections.abc import Callable

import halide as hl

from fovea.kernels.pipelines.activations import closed, forward, is_nan
from fovea.kernels.pipelines.arrays import array
from fovea.kernels.pipelines.normalised import Normalised
from fovea.kernels.pipelines.upstream import Upstream


class Epilogue:
    """Batch normalisation in a prediction, if Z is `normalised`, then the sum with S, if there is something
    to `add`. `extents` are those of A.

    It normalises Z rather than folding the scale into the weights: the kernel reads the parameters
    themselves, so that no copy of them becomes outdated, and computes little from them.
    """

    def __init__(self, normalised: bool, add: bool, extents: list[int], vector: int) -> None:
        self.K, self.vector = extents[1], vector
        self.norm = Normalised(self.K, vector) if normalised else None
        self.S = [array("S", extents)] if add else []
        self.arguments = self.norm.arguments if self.norm else []

    def apply(self, Z: hl.Expr, l: hl.Expr, k: hl.Expr, *position: hl.Expr) -> hl.Expr:
        """Y at [l, k, *position]."""
        if self.norm is None:
            return Z
        filter_ = hl.min(k, self.K - 1) if self.K % self.vector else k  # stores are masked, loads are not
        return self.norm.apply(Z, k, *(S[(l, filter_, *position)] for S in self.S))

    def schedule(self) -> None:
        if self.norm:
            self.norm.schedule()


def activate_and_pool(Z: Callable[[int, int], hl.Expr], activation: str, pool: tuple[int, int], saved: bool):
    """A of one window; Z(column, row) is the value at a position of it. If `saved`, also the memory that
    `Upstream` reads: with pooling the position of the maximum as a byte, else Z.

    The maximum is found before the activation, because only non-decreasing activations precede pooling.
    """
    p_H, p_W = pool
    best, winner = Z(0, 0), hl.u8(0)
    for position in range(1, p_H * p_W):
        here = Z(position % p_W, position // p_W)
        better = ~is_nan(best) & ((here > best) | is_nan(here))  # the first of equals; NaN propagates
        winner = hl.select(better, hl.u8(position), winner)
        best = hl.select(better, here, best)
    A = forward(activation, best)
    if not saved:
        return A
    if pool == (1, 1):
        return A, best
    if activation:
        winner = hl.select(closed(activation, best), hl.u8(Upstream.LOSER), winner)
    return A, winner

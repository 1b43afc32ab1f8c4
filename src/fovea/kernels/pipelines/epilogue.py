"""What follows a convolution while Z is still in registers: in a prediction batch normalisation and a sum,
then an activation and max-pooling."""

from collections.abc import Callable

import halide as hl

from fovea.kernels.pipelines.activations import closed, forward, is_nan
from fovea.kernels.pipelines.algebra import Normalised, Upstream, array


class Epilogue:
    """What comes before the activation in a prediction: batch normalisation, where Z is `normalised`, and
    then a sum with S, where there is something to `add`. `extents` are those of A.

    Z is normalised, and not its weights: parameters are read where they lie, however they change from call to
    call, and what is computed of them is small.
    """

    def __init__(self, normalised: bool, add: bool, extents: list[int], vector: int) -> None:
        self.K, self.vector = extents[1], vector
        self.norm = Normalised(self.K, vector) if normalised else None
        self.S = [array("S", extents)] if add else []
        self.arguments = self.norm.arguments if self.norm else []

    def apply(self, Z: hl.Expr, *at: hl.Expr) -> hl.Expr:
        """Y at [l, k, x, y, n]."""
        l, k, *others = at
        inside = hl.min(k, self.K - 1) if self.K % self.vector else k  # loads are not masked, as stores are
        return self.norm.of(Z, k, *(S[(l, inside, *others)] for S in self.S)) if self.norm else Z

    def schedule(self) -> None:
        if self.norm:
            self.norm.schedule()


def activate_and_pool(Z: Callable[[int, int], hl.Expr], activation: str, pool: tuple[int, int], saved: bool):
    """A of one window, of whose positions Z(column, row) tells the values. If `saved`, also what Upstream
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
    if not saved:
        return A
    if pool == (1, 1):
        return A, best
    if activation:
        winner = hl.select(closed(activation, best), hl.u8(Upstream.LOSER), winner)
    return A, winner

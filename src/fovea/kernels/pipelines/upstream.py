"""The gradient that enters a stage, and its way back through max-pooling and activation."""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO, backward
from fovea.kernels.pipelines.arrays import Float, array


class Upstream:
    """The gradient that enters a stage, dA, and the gradient of the stage's convolution, dZ.

    A stage is Z = A_prev ∗ W + b, optionally an activation, optionally max-pooling. `after` names these:

    - "": dZ = dA
    - "relu" or another activation: dZ is the activation's; `memory` holds A or Z, whichever its backward pass
      needs (activations.py)
    - "pool", "relu+pool": dZ = dA of the window where Z was the window's maximum, else 0; `memory` holds each
      window's winning position as a byte, or LOSER where the activation blocks the gradient
    """

    LOSER = 255

    def __init__(
        self, after: str, lanes: int, channels: int, output: tuple[int, int], pool: tuple[int, int]
    ) -> None:
        self.after, self.lanes, self.channels, self.output, self.pool = after, lanes, channels, output, pool
        self.pools, self.activation = after.endswith("pool"), after.removesuffix("pool").removesuffix("+")
        self.pooled = (output[0] // pool[0], output[1] // pool[1])
        extents = [lanes, channels, self.pooled[1], self.pooled[0]]
        fits = all(isinstance(n, int) and n % p == 0 for n, p in zip(output, pool, strict=True))
        self._has_rest = not fits  # or may have one, for pictures of any size
        self.dA = array("dA", extents)
        self.memory = array("memory", extents, hl.UInt(8) if self.pools else Float) if after else None

    @property
    def arguments(self) -> list[hl.ImageParam]:
        return [self.dA] if self.memory is None else [self.dA, self.memory]

    def dZ(self, l: hl.Expr, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """dZ [l, k, x, y, n] inside the output's bounds."""
        if not self.pools:
            return self._activation(l, k, x, y, n)
        (p_H, p_W), (n_H, n_W) = self.pool, self.pooled
        assert self.memory is not None
        window = (l, k, hl.min(x // p_W, n_W - 1), hl.min(y // p_H, n_H - 1), n)
        won = self.memory[window] == hl.u8((y % p_H) * p_W + x % p_W)
        if self._has_rest:  # some pixels are in no window
            won = won & (x < n_W * p_W) & (y < n_H * p_H)
        return hl.select(won, self.dA[window], ZERO)

    def db(self, l: hl.Expr, k: hl.Expr, x: hl.Expr, y: hl.Expr, n: hl.Expr) -> hl.Expr:
        """The term of position (x, y) of the stage's output in db."""
        if self.pools and self.activation:
            assert self.memory is not None
            return hl.select(self.memory[l, k, x, y, n] != hl.u8(self.LOSER), self.dA[l, k, x, y, n], ZERO)
        return self._activation(l, k, x, y, n)

    def _activation(self, *position: hl.Expr) -> hl.Expr:
        if self.memory is None or self.pools:
            return self.dA[position]
        return backward(self.activation, self.dA[position], self.memory[position])

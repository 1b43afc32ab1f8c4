"""Dropout: in training, random values are set to 0, so that no value can rely on another.

    Z = A_prev · M,   M = 0 with probability `rate`, else 1 / (1 − rate);       dA_prev = dZ · M          (1)

Scaling up the kept values preserves the mean, so prediction needs no change: Z = A_prev ("inverted" dropout).

Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout (2014), JMLR 15.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer
from fovea.ranges import number
from fovea.reference.quiet import quietly


@dataclass(eq=False)
class Dropout(Layer):
    """`rate` is the share of values that are set to 0, 0 ≤ rate < 1; any shape."""

    kind = "dropout"
    draws = True

    rate: float

    def __post_init__(self) -> None:
        self.rate = number(self.rate, "Dropout: rate", "a number from 0 to below 1", 0, 1 - 1e-7)

    @quietly
    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        if not training:
            return A_prev, None
        if rng is None:
            raise ShapeError(
                mismatch(self.who, "an rng in training", "None", "pass rng=np.random.default_rng(seed)")
            )
        kept = rng.random(A_prev.shape, dtype=np.float32) >= self.rate
        M = kept * A_prev.dtype.type(1 / (1 - self.rate))
        return A_prev * M, M  # (1)

    @quietly
    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        M = cache
        return dZ if M is None else dZ * M, {}  # (1)

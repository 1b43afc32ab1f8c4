"""Fully connected: every output value depends on every input value.

    Z[n, u] = Σ_k A_prev[n, k] · W[k, u] + b[u]                                                            (1)

    n image   k input value   u unit

The gradients are in `fovea.reference.dense`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape
from fovea.layers.initializers import initializer
from fovea.ranges import flag, whole


@dataclass(eq=False)
class Dense(Layer):
    """`units` output values. `initializer` names how W begins (see `fovea.initializers`); b begins at 0.

    Parameters: W (n_in, units), b (units,).
    """

    kind = "dense"

    units: int
    bias: bool = True
    initializer: str = "he_normal"

    def __post_init__(self) -> None:
        self.units = whole(self.units, "Dense", "units")
        self.bias = flag(self.bias, "Dense: bias")
        initializer(self.initializer, "Dense")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ShapeError(
                mismatch(self.who, "a flat input (n,)", tuple(input_shape), "put Flatten before it")
            )
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {"W": (input_shape[0], self.units)}
        return shapes | ({"b": (self.units,)} if self.bias else {})

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        W = self.parameters["W"]
        W[...] = initializer(self.initializer)(rng, W.shape)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, n_in) → Z (N, units)."""
        b = self.parameter("b", A_prev) if self.bias else None
        Z = functional.dense(A_prev, self.parameter("W", A_prev), b)  # (1)
        return Z, A_prev

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, units) → dA_prev (N, n_in), dW (n_in, units), db (units,). Frozen, only dA_prev."""
        A_prev = cache
        if self.frozen:
            return functional.dense(dZ, self.parameter("W", A_prev).T, None), {}
        dA_prev, dW, db = functional.dense_backward(dZ, A_prev, self.parameter("W", A_prev))
        return dA_prev, {"W": dW, "b": db} if self.bias else {"W": dW}

    def connections(self, input_shape: Shape) -> int:
        """The number of parameters: none is shared."""
        return self.multiply_adds(input_shape) + (self.units if self.bias else 0)

    def multiply_adds(self, input_shape: Shape) -> int:
        return input_shape[0] * self.units

"""Learned scale and shift of every channel.

    Z = γ · A_prev + β                                                                                     (1)
    dA_prev = γ · dZ,   dγ = Σ dZ · A_prev,   dβ = Σ dZ                                                    (2)

The sums are over the images and pixels of the batch.

Touvron, Cord, Sablayrolles, Synnaeve, Jégou: Going deeper with image transformers (2021) for LayerScale,
which is this without β.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape


@dataclass(eq=False)
class Affine(Layer):
    """Scales and shifts each channel of (H, W, C) or (n,).

    Parameters: gamma (C,), initially 1; with `bias` also beta (C,), initially 0.
    """

    kind = "affine"

    bias: bool = True

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise ShapeError(mismatch(self.who, "an input of (H, W, C) or (n,)", tuple(input_shape)))
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return dict.fromkeys(("gamma", "beta") if self.bias else ("gamma",), (input_shape[-1],))

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.parameters["gamma"][...] = 1

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) or (N, n) → Z of the same shape."""
        beta = self.parameter("beta", A_prev) if self.bias else None
        return functional.affine(A_prev, self.parameter("gamma", A_prev), beta), A_prev  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ → dA_prev, both of the shape of A_prev; dgamma (C,), dbeta (C,)."""
        A_prev = cache
        gamma = self.parameter("gamma", A_prev)
        dA_prev, dgamma, dbeta = functional.affine_backward(dZ, A_prev, gamma)  # (2)
        return dA_prev, {"gamma": dgamma} | ({"beta": dbeta} if self.bias else {})

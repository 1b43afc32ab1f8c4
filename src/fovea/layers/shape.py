"""Layers that change only the shape."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fovea.layers.base import Gradients, Layer, Shape


@dataclass(eq=False)
class Flatten(Layer):
    """(H, W, C) → (H·W·C,): row after row, in each row pixel after pixel, in each pixel its channels."""

    kind = "flatten"

    def output_shape(self, input_shape: Shape) -> Shape:
        return (prod(input_shape),)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, H·W·C), a view where A_prev is contiguous."""
        return A_prev.reshape(len(A_prev), prod(A_prev.shape[1:])), A_prev.shape

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, H·W·C) → dA_prev (N, H, W, C)."""
        return dZ.reshape(cache), {}

"""Activations: what makes a row of layers more than one linear map.

    ReLU    A = max(Z, 0)       dZ = dA where Z > 0, else 0                                               (1)

Nair, Hinton: Rectified linear units improve restricted Boltzmann machines (2010).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import functional
from fovea.layers.base import Gradients, Layer


@dataclass(eq=False)
class ReLU(Layer):
    """Each value, or 0 where it is negative; any shape."""

    kind = "relu"

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        Z = A_prev  # the values before the activation
        return functional.relu(Z), Z  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        dA, Z = dZ, cache
        return functional.relu_backward(dA, Z), {}  # (1)

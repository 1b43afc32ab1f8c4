"""ReLU whose slope below 0 is learned:

    A = Z where Z > 0, else slope · Z                                                                     (1)

The gradients are in `fovea.reference.prelu`. He, Zhang, Ren, Sun: Delving deep into rectifiers (2015),
arXiv:1502.01852.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape
from fovea.ranges import flag

INITIAL = 0.25  # as in the paper and in PyTorch


@dataclass(eq=False)
class PReLU(Layer):
    """(1) of each channel of (H, W, C) or (n,).

    Parameter: slope (C,), initially 0.25; (1,) with `shared`, one for all channels.
    """

    shared: bool = False

    def __post_init__(self) -> None:
        flag(self.shared, "PReLU: shared")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise ShapeError(mismatch(self.who, "an input of (H, W, C) or (n,)", tuple(input_shape)))
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"slope": (1 if self.shared else input_shape[-1],)}

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.parameters["slope"][...] = INITIAL

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) or (N, n) → A of the same shape."""
        Z = A_prev
        return functional.prelu(Z, self._slopes(Z)), Z  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dA → dZ, both of the shape of A_prev; dslope."""
        dA, Z = dZ, cache
        dZ, dslope = functional.prelu_backward(dA, Z, self._slopes(Z))
        return dZ, {"slope": dslope.sum(keepdims=True) if self.shared else dslope}

    def _slopes(self, Z: np.ndarray) -> np.ndarray:
        """One slope per channel, (C,)."""
        return np.broadcast_to(self.parameter("slope", Z), Z.shape[-1:])

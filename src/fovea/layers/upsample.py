"""Upsampling: pictures enlarged by a whole factor, in each channel separately, without parameters.

    nearest    Z[n, y, x, c] = A_prev[n, ⌊y / f_H⌋, ⌊x / f_W⌋, c]                                         (1)
    bilinear   Z[n, y, x, c] = the mean of up to four pixels around (y', x'), weighted by nearness,       (2)
               y' = (y + ½) / f_H − ½,   x' = (x + ½) / f_W − ½

    n image   y, x output row, column   c channel   f factor

The exact weights and the gradients are in `fovea.reference.upsample`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import functional
from fovea.arguments import UPSAMPLING
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair, Window, pair
from fovea.layers.base import Gradients, Layer, Shape, image_shape
from fovea.ranges import short


@dataclass(eq=False)
class Upsample2D(Layer):
    """Enlarges by `factor` (one number, or height and width); `mode` is "nearest" or "bilinear"."""

    kind = "upsample"

    factor: int | Pair
    mode: str = "nearest"

    def __post_init__(self) -> None:
        self.factor = pair(self.factor, "Upsample2D", "factor")
        if self.mode not in UPSAMPLING:
            expected = " or ".join(map(repr, UPSAMPLING))
            raise ShapeError(mismatch("Upsample2D: mode", expected, short(self.mode)))

    def output_shape(self, input_shape: Shape) -> Shape:
        (H, W, C), (f_H, f_W) = image_shape(input_shape, self.who), pair(self.factor, self.who, "factor")
        return H * f_H, W * f_W, C

    def upward(self, input_shape: Shape) -> Window:
        """The window of new pixels that an old one contributes to."""
        factors, (H, W, _) = pair(self.factor, self.who, "factor"), self.output_shape(input_shape)
        smooth = self.mode == "bilinear"
        size = [2 * f - f % 2 if smooth else f for f in factors]
        (top, left) = (f // 2 if smooth else 0 for f in factors)
        return Window.of((H, W), size, factors, (top, top, left, left), self.who)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, f_H · H, f_W · W, C)."""
        return functional.upsample2d(A_prev, self.factor, mode=self.mode), None  # (1), (2)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, f_H · H, f_W · W, C) → dA_prev (N, H, W, C)."""
        return functional.upsample2d_backward(dZ, self.factor, mode=self.mode), {}

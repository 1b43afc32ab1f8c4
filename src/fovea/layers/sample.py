"""Padding, cropping and resizing: new pixels are old ones, or weighted means of neighbours; no parameters.

    Pad2D      Z[n, y, x, c] = A_prev[n, y − top, x − left, c]; beyond the border as set by `mode`         (1)
    Resize2D   Z[n, y, x, c] = A_prev at (y', x'), the new pixel's position among the old ones             (2)

    n image   y, x output row, column   c channel

`fovea.geometry.sampling` computes the positions of (2). A pixel's gradient is the weighted sum of the
gradients of all outputs that it contributes to.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import arguments, functional
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair, Window, pair
from fovea.geometry.borders import MODES
from fovea.geometry.sampling import Axis, mode_of_resizing, padded, resized
from fovea.layers.base import Gradients, Layer, Shape, image_shape


class _Sampling(Layer):
    """A layer that samples its input, by one table for rows and one for columns."""

    def axes(self, input_shape: Shape) -> tuple[Axis, Axis]:
        """The input pixels, with their weights, of each output row and column."""
        raise NotImplementedError


@dataclass(eq=False)
class Pad2D(_Sampling):
    """Pads by `padding`: one whole number, or four (top, bottom, left, right); negative numbers crop.

    `mode` defines the pixels beyond the border, with scipy.ndimage's names: "constant" (`value`), "mirror"
    (PyTorch's reflect, without the edge itself), "nearest" (replicate), "wrap" (circular), or "reflect",
    which repeats the edge.
    """

    kind = "pad"

    padding: int | tuple[int, int, int, int]
    mode: str = "constant"
    value: float = 0.0

    def __post_init__(self) -> None:
        given = self.padding
        sides = (
            (given,) * 4
            if isinstance(given, int)
            else tuple(given)
            if isinstance(given, list | tuple)
            else ()
        )
        if len(sides) != 4 or not all(isinstance(n, int) and not isinstance(n, bool) for n in sides):
            expected = "a whole number, or four (top, bottom, left, right)"
            raise ShapeError(mismatch("Pad2D: padding", expected, repr(given)))
        self.padding = sides
        if self.mode not in MODES:
            raise ShapeError(mismatch("Pad2D: mode", ", ".join(map(repr, MODES)), repr(self.mode)))
        self.value = arguments.finite(self.value, "Pad2D: value")

    @property
    def sides(self) -> tuple[int, int, int, int]:
        assert isinstance(self.padding, tuple)
        return self.padding

    def window(self, input_shape: Shape) -> Window | None:
        """A window of one pixel; None if any side is cropped."""
        if min(self.sides) < 0:
            return None
        return Window.of(image_shape(input_shape, self.who)[:2], 1, 1, self.sides, self.who)

    def output_shape(self, input_shape: Shape) -> Shape:
        (H, W, C), (top, bottom, left, right) = image_shape(input_shape, self.who), self.sides
        height, width = H + top + bottom, W + left + right
        if height < 1 or width < 1:
            raise ShapeError(
                mismatch(self.who, "at least one pixel to remain", f"{H}×{W} padded by {self.sides}")
            )
        return height, width, C

    def axes(self, input_shape: Shape) -> tuple[Axis, Axis]:
        (H, W, _), (top, bottom, left, right) = image_shape(input_shape, self.who), self.sides
        return padded(H, top, bottom, self.mode), padded(W, left, right, self.mode)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, top + H + bottom, left + W + right, C)."""
        Z = functional.pad2d(A_prev, self.sides, mode=self.mode, value=self.value)  # (1)
        return Z, A_prev.shape[1:3]

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, top + H + bottom, left + W + right, C) → dA_prev (N, H, W, C)."""
        return functional.pad2d_backward(dZ, cache, self.sides, mode=self.mode), {}


@dataclass(eq=False)
class Resize2D(_Sampling):
    """Resizes to `size` = (height, width), as PyTorch's `interpolate`; `mode` is "nearest" or "bilinear".
    With `align_corners`, for the latter, the centres of the corner pixels keep their positions."""

    kind = "resize"

    size: int | Pair
    mode: str = "nearest"
    align_corners: bool = False

    def __post_init__(self) -> None:
        self.size = pair(self.size, "Resize2D", "size")
        mode_of_resizing(self.mode, self.align_corners, "Resize2D")

    def output_shape(self, input_shape: Shape) -> Shape:
        return *pair(self.size, self.who, "size"), image_shape(input_shape, self.who)[2]

    def axes(self, input_shape: Shape) -> tuple[Axis, Axis]:
        (H, W, _), (height, width) = image_shape(input_shape, self.who), pair(self.size, self.who, "size")
        options = self.mode, self.align_corners
        return resized(H, height, *options), resized(W, width, *options)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, height, width, C)."""
        size = pair(self.size, self.who, "size")
        Z = functional.resize2d(A_prev, size, mode=self.mode, align_corners=self.align_corners)  # (2)
        return Z, A_prev.shape[1:3]

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, height, width, C) → dA_prev (N, H, W, C)."""
        dA_prev = functional.resize2d_backward(dZ, cache, mode=self.mode, align_corners=self.align_corners)
        return dA_prev, {}

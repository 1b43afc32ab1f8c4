"""The shortcut without parameters, for residual blocks whose output has fewer pixels and more channels.

    Z[n, h, w, c] = A_prev[n, h·s, w·s, c]  for c < C,  0 for the further channels                         (1)
    dA_prev[n, h·s, w·s, c] = dZ[n, h, w, c], and 0 at all pixels between                                  (2)

    n image   h, w output row, column   c channel, of C input channels   s stride

He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015), arXiv:1512.03385, section 3.3,
option A: "identity mapping, with extra zero entries padded"; the further channels are the last.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair, pair
from fovea.layers.base import Gradients, Layer, Shape, image_shape
from fovea.names import counted
from fovea.ranges import whole


@dataclass(eq=False)
class Shortcut(Layer):
    """Every `stride`-th row and column of a picture, from the first, and channels of 0 up to `channels`."""

    kind = "shortcut"

    channels: int
    stride: int | Pair = 1

    def __post_init__(self) -> None:
        self.channels = whole(self.channels, "Shortcut", "channels")
        self.stride = pair(self.stride, "Shortcut", "stride")

    def output_shape(self, input_shape: Shape) -> Shape:
        H, W, C = image_shape(input_shape, self.who)
        if self.channels < C:
            raise ShapeError(mismatch(self.who, f"at most {counted(self.channels, 'channel')}", C))
        s_H, s_W = pair(self.stride, self.who, "stride")
        return -(-H // s_H), -(-W // s_W), self.channels

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, ⌈H/s⌉, ⌈W/s⌉, channels)."""
        N, H, W, C = A_prev.shape
        Z = np.zeros((N, *self.output_shape((H, W, C))), A_prev.dtype)
        Z[..., :C] = A_prev[self.pixels]  # (1)
        return Z, A_prev.shape

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, ⌈H/s⌉, ⌈W/s⌉, channels) → dA_prev (N, H, W, C)."""
        dA_prev = np.zeros(cache, dZ.dtype)
        dA_prev[self.pixels] = dZ[..., : cache[-1]]  # (2)
        return dA_prev, {}

    @property
    def pixels(self) -> tuple[slice, ...]:
        """The index of the input's pixels in (N, H, W, …)."""
        s_H, s_W = pair(self.stride, self.who, "stride")
        return slice(None), slice(None, None, s_H), slice(None, None, s_W)

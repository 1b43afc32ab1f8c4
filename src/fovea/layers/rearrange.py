"""Layers that move values to other positions, and compute nothing.

    SpaceToDepth   blocks of b × b pixels become channels: (H · b, W · b, C) → (H, W, C · b²)              (1)
    DepthToSpace   the inverse                                                                             (2)
    Channels       Z[h, w, k] = A_prev[h, w, order[k]]                                                     (3)

`fovea.reference.rearrange` defines the order of the channels; each gradient moves back to its value's
position.

Shi et al.: Real-time single image and video super-resolution using an efficient sub-pixel convolutional
neural network (2016); Zhang, Zhou, Lin, Sun: ShuffleNet (2017).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import arguments, functional
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Window
from fovea.layers.base import Gradients, Layer, Shape, image_shape


class _Blocks(Layer):
    block: int
    mode: str

    def __post_init__(self) -> None:
        self.block = arguments.blocks(self.block, self.mode, type(self).__name__)


@dataclass(eq=False)
class SpaceToDepth(_Blocks):
    """(1): blocks of `block` × `block` pixels as channels. With `mode` "DCR" the channels of one pixel in a
    block are adjacent; with "CRD" the pixels of one channel, as in PyTorch's PixelUnshuffle."""

    block: int
    mode: str = "DCR"

    def output_shape(self, input_shape: Shape) -> Shape:
        (H, W, C), b = image_shape(input_shape, self.who), self.block
        if H % b or W % b:
            raise ShapeError(mismatch(self.who, f"rows and columns in multiples of {b}", (H, W)))
        return H // b, W // b, C * b * b

    def window(self, input_shape: Shape) -> Window:
        return Window.of(image_shape(input_shape, self.who)[:2], self.block, self.block, who=self.who)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H · b, W · b, C) → Z (N, H, W, C · b²)."""
        return functional.space_to_depth(A_prev, self.block, mode=self.mode), None  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, H, W, C · b²) → dA_prev (N, H · b, W · b, C)."""
        return functional.depth_to_space(dZ, self.block, mode=self.mode), {}


@dataclass(eq=False)
class DepthToSpace(_Blocks):
    """(2): the inverse of SpaceToDepth; with `mode` "CRD" PyTorch's PixelShuffle."""

    block: int
    mode: str = "DCR"

    def output_shape(self, input_shape: Shape) -> Shape:
        (H, W, C), b = image_shape(input_shape, self.who), self.block
        if C % b**2:
            raise ShapeError(mismatch(self.who, f"a multiple of {b**2} channels", C))
        return H * b, W * b, C // b**2

    def upward(self, input_shape: Shape) -> Window:
        return Window.of(self.output_shape(input_shape)[:2], self.block, self.block, who=self.who)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C · b²) → Z (N, H · b, W · b, C)."""
        return functional.depth_to_space(A_prev, self.block, mode=self.mode), None  # (2)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, H · b, W · b, C) → dA_prev (N, H, W, C · b²)."""
        return functional.space_to_depth(dZ, self.block, mode=self.mode), {}


@dataclass(eq=False)
class Channels(Layer):
    """(3): the channels numbered in `order`, in this order, none of them twice."""

    order: tuple[int, ...]

    def __post_init__(self) -> None:
        self.order = arguments.channels(self.order, None, "Channels")

    def output_shape(self, input_shape: Shape) -> Shape:
        H, W, C = image_shape(input_shape, self.who)
        return H, W, len(arguments.channels(self.order, C, self.who))

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, H, W, channels of order)."""
        return functional.take_channels(A_prev, self.order), A_prev.shape[3]  # (3)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, H, W, channels of order) → dA_prev (N, H, W, C)."""
        return functional.take_channels_backward(dZ, self.order, cache), {}

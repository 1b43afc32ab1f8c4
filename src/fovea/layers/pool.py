"""Pooling: one number for each window, in each channel separately, without parameters.

    max       Z[n, h, w, c] = max_{i, j} A_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W, c]                    (1)
    average   Z[n, h, w, c] = mean_{i, j} A_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W, c]                   (2)
    global    Z[n, c]       = mean_{h, w}, or max_{h, w}, of A_prev[n, h, w, c]                            (3)
    channels  Z[n, h, w, 0] = mean_c, or max_c, of A_prev[n, h, w, c]                                      (4)

For the maximum, padding counts as −∞; the mean leaves it out unless `count_include_pad` is set. Pixels beyond
the padding, under a window of `ceil_mode`, never count.

    n image   h, w output row, column   i, j row, column in the window   c channel   s stride   d dilation

Global average: Lin, Chen, Yan: Network In Network (2013), arXiv:1312.4400. Over channels: Woo, Park, Lee,
Kweon: CBAM (2018), arXiv:1807.06521.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from fovea import functional
from fovea.arguments import pooled
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Padding, Pair, Window, pair
from fovea.layers.base import Gradients, Layer, Shape, checked_padding, image_shape
from fovea.ranges import flag


@dataclass(eq=False)
class _Pool2D(Layer):
    """Windows of `pool_size`, moved by `stride` (by default the pool size), their pixels `dilation` apart.
    With `ceil_mode` a last window that does not fit counts too, if it starts in the input or the padding
    before it."""

    kind = "pool"

    pool_size: int | Pair
    stride: int | Pair | None = None
    padding: Padding = "valid"
    dilation: int | Pair = field(default=1, kw_only=True)
    ceil_mode: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        who = type(self).__name__
        self.pool_size = pair(self.pool_size, who, "pool_size")
        self.stride = self.pool_size if self.stride is None else pair(self.stride, who, "stride")
        self.padding = checked_padding(self.padding, who)
        self.dilation = pair(self.dilation, who, "dilation")
        flag(self.ceil_mode, f"{who}: ceil_mode")
        extent = Window((1, 1), self.pool_size, self.stride, (0, 0, 0, 0), self.dilation).extent
        pads = Window.of(extent, extent, self.stride, self.padding, who).pads
        if max(pads[:2]) >= extent[0] or max(pads[2:]) >= extent[1]:
            raise ShapeError(
                mismatch(f"{who}: padding", f"less than the window's {extent}", self.padding,
                         "a window of nothing but padding has no value")
            )  # fmt: skip

    def window(self, input_shape: Shape) -> Window:
        H, W, _ = image_shape(input_shape, self.who)
        return pooled(
            (H, W), self.pool_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.who
        )

    def output_shape(self, input_shape: Shape) -> Shape:
        return *self.window(input_shape).output, input_shape[2]  # (n_H, n_W, C)

    def connections(self, input_shape: Shape) -> int:
        return prod(self.output_shape(input_shape)) * prod(self.window(input_shape).size)

    def _geometry(self) -> dict[str, Any]:
        names = "stride", "padding", "dilation", "ceil_mode"
        return {name: getattr(self, name) for name in names}


@dataclass(eq=False)
class MaxPool2D(_Pool2D):
    """The largest value in each window of `pool_size`; a tie's gradient goes to the first of the equals."""

    kind = "pool"

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, n_H, n_W, C)."""
        Z = functional.max_pool2d(A_prev, self.pool_size, **self._geometry())  # (1)
        return Z, A_prev

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, n_H, n_W, C) → dA_prev (N, H, W, C)."""
        A_prev = cache
        return functional.max_pool2d_backward(dZ, A_prev, self.pool_size, **self._geometry()), {}


@dataclass(eq=False)
class AveragePool2D(_Pool2D):
    """The mean of each window of `pool_size`; with `count_include_pad` its padding counts as zeros."""

    kind = "pool"

    count_include_pad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.count_include_pad, "AveragePool2D: count_include_pad")

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, n_H, n_W, C)."""
        Z = functional.average_pool2d(A_prev, self.pool_size, **self._geometry())  # (2)
        return Z, A_prev

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, n_H, n_W, C) → dA_prev (N, H, W, C)."""
        A_prev = cache
        return functional.average_pool2d_backward(dZ, A_prev, self.pool_size, **self._geometry()), {}

    def _geometry(self) -> dict[str, Any]:
        return super()._geometry() | {"count_include_pad": self.count_include_pad}


class _Global(Layer):
    """One window over all pixels."""

    def window(self, input_shape: Shape) -> Window:
        H, W, _ = image_shape(input_shape, self.who)
        return Window.of((H, W), (H, W), who=self.who)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (image_shape(input_shape, self.who)[2],)

    def connections(self, input_shape: Shape) -> int:
        return prod(input_shape)


@dataclass(eq=False)
class GlobalAveragePool2D(_Global):
    """The mean of each channel: (H, W, C) → (C,)."""

    kind = "pool"

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, C)."""
        Z = functional.average_pool2d(A_prev, A_prev.shape[1:3])[:, 0, 0, :]  # (3)
        return Z, A_prev

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, C) → dA_prev (N, H, W, C)."""
        A_prev = cache
        return functional.average_pool2d_backward(dZ[:, None, None, :], A_prev, A_prev.shape[1:3]), {}


@dataclass(eq=False)
class GlobalMaxPool2D(_Global):
    """The largest value of each channel: (H, W, C) → (C,); a tie's gradient goes to the first."""

    kind = "pool"

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, C)."""
        return functional.max_pool2d(A_prev, A_prev.shape[1:3])[:, 0, 0, :], A_prev  # (3)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, C) → dA_prev (N, H, W, C)."""
        A_prev = cache
        return functional.max_pool2d_backward(dZ[:, None, None, :], A_prev, A_prev.shape[1:3]), {}


POOLED = ("average", "max")


@dataclass(eq=False)
class ChannelPool(Layer):
    """One value for each pixel: the mean or the largest of its channels, with `mode` "average" or "max";
    (H, W, C) → (H, W, 1)."""

    kind = "pool"

    mode: str

    def __post_init__(self) -> None:
        if self.mode not in POOLED:
            raise ShapeError(mismatch("ChannelPool: mode", " or ".join(map(repr, POOLED)), repr(self.mode)))

    def window(self, input_shape: Shape) -> Window:
        H, W, _ = image_shape(input_shape, self.who)
        return Window.of((H, W), 1, who=self.who)

    def output_shape(self, input_shape: Shape) -> Shape:
        H, W, _ = image_shape(input_shape, self.who)
        return H, W, 1

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C) → Z (N, H, W, 1)."""
        N, H, W, C = A_prev.shape
        pool = functional.max_pool2d if self.mode == "max" else functional.average_pool2d
        return pool(_pixels(A_prev), (1, C)).reshape(N, H, W, 1), A_prev  # (4)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, H, W, 1) → dA_prev (N, H, W, C)."""
        A_prev, C = cache, cache.shape[3]
        back = functional.max_pool2d_backward if self.mode == "max" else functional.average_pool2d_backward
        return back(_pixels(dZ), _pixels(A_prev), (1, C)).reshape(A_prev.shape), {}

    def connections(self, input_shape: Shape) -> int:
        return prod(input_shape)


def _pixels(A: np.ndarray) -> np.ndarray:
    """(N, H, W, C) as (N, H · W, C, 1): pictures with a row for each pixel."""
    N, H, W, C = A.shape
    return A.reshape(N, H * W, C, 1)

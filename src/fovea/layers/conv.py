"""Convolution: every filter looks at the input through a window and gives one output channel.

    Z[n, h, w, c] = Σ_{i, j, k} W[i, j, k, c] · A_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W, k] + b[c]     (1)

A filter is as deep as the input; the outputs of all filters are stacked. With groups, the input channels and
the filters are split into that many equal runs, and a filter is as deep as its run of channels, k counted
from the run's first. With as many groups as channels, every channel has filters of its own: depthwise
convolution. As everywhere in deep learning, this is cross-correlation: the filter is not turned round.

Backward, from dZ, the gradient of a cost:

    dA_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W, k] += Σ_c W[i, j, k, c] · dZ[n, h, w, c]                 (2)
    dW[i, j, k, c] = Σ_{n, h, w} A_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W, k] · dZ[n, h, w, c]          (3)
    db[c] = Σ_{n, h, w} dZ[n, h, w, c]                                                                    (4)

    n image   h, w output row, column   i, j row, column in the window   k input channel   c filter
    s stride   d dilation   A_prev_pad the input with its padding

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998).
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fovea import functional
from fovea.arguments import in_groups
from fovea.geometry import MOST_FILTER, Padding, Pair, Window, mirrors, pair
from fovea.geometry.sampling import mirrored
from fovea.layers.base import Gradients, Layer, Shape, checked_padding, checked_precision, image_shape
from fovea.layers.initializers import initializer
from fovea.ranges import flag, whole


@dataclass(eq=False)
class Conv2D(Layer):
    """`filters` filters of `kernel_size` (one number, or height and width), moved by `stride`.

    `padding` is "valid", "same", a whole number or (top, bottom, left, right). `initializer` names how W
    begins (see `fovea.initializers`); b begins at 0. `precision` is the network's unless given: "exact"
    or "fast" (see `Network`); run by itself, the layer is always exact. A filter's pixels are `dilation`
    apart. `groups` divides both the input's channels and `filters`. `padding_mode` is "zeros", or "mirror":
    the input reflected in its border pixels, PyTorch's "reflect". Parameters: W (f_H, f_W, C_in / groups,
    C_out), b (C_out,).
    """

    kind = "conv"

    filters: int
    kernel_size: int | Pair
    stride: int | Pair = 1
    padding: Padding = "valid"
    bias: bool = True
    initializer: str = "he_normal"
    precision: str | None = None
    dilation: int | Pair = 1
    groups: int = 1
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        self.filters = whole(self.filters, "Conv2D", "filters")
        self.kernel_size = pair(self.kernel_size, "Conv2D", "kernel_size", most=MOST_FILTER)
        self.stride = pair(self.stride, "Conv2D", "stride")
        self.padding = checked_padding(self.padding, "Conv2D")
        initializer(self.initializer, "Conv2D")
        if self.precision is not None:
            checked_precision(self.precision, "Conv2D")
        self.dilation = pair(self.dilation, "Conv2D", "dilation")
        self.groups = whole(self.groups, "Conv2D", "groups")
        self.bias = flag(self.bias, "Conv2D: bias")
        in_groups("Conv2D", self.groups, filters=self.filters)
        mirrors(self.padding_mode, "Conv2D")

    def window(self, input_shape: Shape) -> Window:
        H, W, _ = image_shape(input_shape, self.who)
        return Window.of(
            (H, W), self.kernel_size, self.stride, self.padding, self.who, dilation=self.dilation,
            padding_mode=self.padding_mode,
        )  # fmt: skip

    def output_shape(self, input_shape: Shape) -> Shape:
        in_groups(self.who, self.groups, **{"the input's channels": image_shape(input_shape, self.who)[2]})
        return *self.window(input_shape).output, self.filters  # (n_H, n_W, C_out)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        C_in = image_shape(input_shape, self.who)[2]
        shapes: dict[str, Shape] = {
            "W": (*pair(self.kernel_size, self.who, "kernel_size"), C_in // self.groups, self.filters)
        }
        return shapes | ({"b": (self.filters,)} if self.bias else {})

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        W = self.parameters["W"]
        W[...] = initializer(self.initializer)(rng, W.shape)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C_in) → Z (N, n_H, n_W, C_out)."""
        W = self.parameter("W", A_prev)
        b = self.parameter("b", A_prev) if self.bias else None
        Z = functional.conv2d(A_prev, W, b, **self._geometry())  # (1)
        return Z, A_prev

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, n_H, n_W, C_out) → dA_prev (N, H, W, C_in), dW (f_H, f_W, C_in / groups, C_out), db.
        Frozen, only dA_prev."""
        A_prev = cache
        W = self.parameter("W", A_prev)
        if self.frozen:
            return self._spread(dZ, W, self.window(A_prev.shape[1:])), {}
        dA_prev, dW, db = functional.conv2d_backward(dZ, A_prev, W, **self._geometry())  # (2) (3) (4)
        return dA_prev, {"W": dW, "b": db} if self.bias else {"W": dW}

    def _spread(self, dZ: np.ndarray, W: np.ndarray, window: Window) -> np.ndarray:
        """dA_prev alone: a transposed convolution, then each pixel's sum over its images in the padding."""
        whole = window.padded if window.mirror else window
        ends = zip(whole.output, whole.stride, whole.extent, strict=True)
        n_H, n_W = ((n - 1) * s + e for n, s, e in ends)  # the padded pixels that windows see
        (H, width), (top, bottom, left, right) = whole.input, whole.pads
        dP = functional.conv2d_transpose(
            dZ, W, None, stride=self.stride, padding=whole.pads, dilation=self.dilation, groups=self.groups,
            output_padding=(top + H + bottom - n_H, left + width + right - n_W),
        )  # fmt: skip
        if not window.mirror:
            return dP  # (2)
        rows, columns = mirrored(window)
        return functional.sample2d(dP, rows.transposed(), columns.transposed())

    def _geometry(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "padding_mode": self.padding_mode,
        }

    def connections(self, input_shape: Shape) -> int:
        """One for each weight and bias at each position, pixels of the padding included."""
        outputs = prod(self.output_shape(input_shape))
        return self.multiply_adds(input_shape) + (outputs if self.bias else 0)

    def multiply_adds(self, input_shape: Shape) -> int:
        return prod(self.output_shape(input_shape)) * prod(self.parameter_shapes(input_shape)["W"][:3])

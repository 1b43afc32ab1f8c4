"""Transposed convolution: the gradient of a convolution as a layer, from small maps to larger ones.

    Z[n, h·s_H + i·d_H − top, w·s_W + j·d_W − left, c] += W[i, j, c, k] · A_prev[n, h, w, k],  for all
    n, h, w, i, j, k, c, as far as there are such rows and columns; and b[c] once                     (1)

Every input value adds the filter, times itself, to a window of the output. That is the input gradient of the
convolution with the same filters, strides and padding, from Z's shape to A_prev's; and the gradients here are
that convolution, and its filters' gradient. With groups, channels are divided as in Conv2D, and c counts from
the first channel of its group.

    n image   h, w input row, column   i, j row, column in the window   k input channel   c filter
    s stride   d dilation   top, left the padding, which is taken away from the output

Zeiler, Krishnan, Taylor, Fergus: Deconvolutional networks (2010); the arithmetic: Dumoulin, Visin: A guide to
convolution arithmetic for deep learning (2016), arXiv:1603.07285.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fovea import functional
from fovea.arguments import in_groups
from fovea.geometry import MOST_FILTER, Padding, Pair, Window, pair
from fovea.layers.base import Gradients, Layer, Shape, checked_padding, checked_precision, image_shape
from fovea.layers.initializers import initializer
from fovea.ranges import flag, whole


@dataclass(eq=False)
class ConvTranspose2D(Layer):
    """`filters` channels out of windows of `kernel_size`, `stride` pixels of the output apart.

    The output has (n − 1)·s + d·(f − 1) + 1 − padding + `output_padding` rows, and columns likewise; with
    padding "same" it is `stride` times as large as the input. `output_padding` is less than the stride. Other
    arguments are those of Conv2D. Parameters: W (f_H, f_W, C_out / groups, C_in), b (C_out,).
    """

    kind = "convtranspose"

    filters: int
    kernel_size: int | Pair
    stride: int | Pair = 1
    padding: Padding = "valid"
    output_padding: int | Pair = 0
    dilation: int | Pair = 1
    groups: int = 1
    bias: bool = True
    initializer: str = "he_normal"
    precision: str | None = None

    def __post_init__(self) -> None:
        who = "ConvTranspose2D"
        self.filters = whole(self.filters, who, "filters")
        self.kernel_size = pair(self.kernel_size, who, "kernel_size", most=MOST_FILTER)
        self.stride = pair(self.stride, who, "stride")
        self.padding = checked_padding(self.padding, who)
        self.output_padding = pair(self.output_padding, who, "output_padding", 0)
        self.dilation = pair(self.dilation, who, "dilation")
        self.groups = whole(self.groups, who, "groups")
        self.bias = flag(self.bias, f"{who}: bias")
        in_groups(who, self.groups, filters=self.filters)
        initializer(self.initializer, who)
        if self.precision is not None:
            checked_precision(self.precision, who)

    def upward(self, input_shape: Shape) -> Window:
        H, W, _ = image_shape(input_shape, self.who)
        how = {"output_padding": self.output_padding, "dilation": self.dilation}
        return Window.onto((H, W), self.kernel_size, self.stride, self.padding, self.who, **how)

    def output_shape(self, input_shape: Shape) -> Shape:
        in_groups(self.who, self.groups, **{"the input's channels": image_shape(input_shape, self.who)[2]})
        return *self.upward(input_shape).input, self.filters

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        C_in = image_shape(input_shape, self.who)[2]
        size = pair(self.kernel_size, self.who, "kernel_size")
        shapes: dict[str, Shape] = {"W": (*size, self.filters // self.groups, C_in)}
        return shapes | ({"b": (self.filters,)} if self.bias else {})

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        W = self.parameters["W"]
        f_H, f_W, C_out, C_in = W.shape  # C_out of a group
        drawn = initializer(self.initializer)(rng, (f_H, f_W, C_in // self.groups, self.filters))
        by_group = drawn.reshape(f_H, f_W, C_in // self.groups, self.groups, C_out)
        W[...] = by_group.transpose(0, 1, 4, 3, 2).reshape(W.shape)

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """A_prev (N, H, W, C_in) → Z (N, H_out, W_out, C_out)."""
        W = self.parameter("W", A_prev)
        b = self.parameter("b", A_prev) if self.bias else None
        return functional.conv2d_transpose(A_prev, W, b, **self._geometry()), A_prev  # (1)

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dZ (N, H_out, W_out, C_out) → dA_prev (N, H, W, C_in), dW and db of the parameters' shapes."""
        A_prev = cache
        W = self.parameter("W", A_prev)
        dA_prev, dW, db = functional.conv2d_transpose_backward(dZ, A_prev, W, **self._geometry())
        return dA_prev, {"W": dW, "b": db} if self.bias else {"W": dW}

    def _geometry(self) -> dict[str, Any]:
        names = "stride", "padding", "output_padding", "dilation", "groups"
        return {name: getattr(self, name) for name in names}

    def connections(self, input_shape: Shape) -> int:
        """One for each weight and each input value that it meets, whether the product is kept or not, and one
        for each bias of an output value."""
        outputs = prod(self.output_shape(input_shape))
        return self.multiply_adds(input_shape) + (outputs if self.bias else 0)

    def multiply_adds(self, input_shape: Shape) -> int:
        return prod(input_shape) * prod(self.parameter_shapes(input_shape)["W"][:3])

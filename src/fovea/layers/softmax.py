"""Softmax: values turned into shares that sum to 1. The formulas are in `fovea.reference.activation`.

    Softmax        A = exp(Z) / Σ exp(Z)         dZ = A · (dA − Σ dA · A)                                 (1)
    LogSoftmax     A = Z − log Σ exp(Z)          dZ = dA − exp(A) · Σ dA                                  (2)

`over` names the values that Σ sums: the "channels" of each pixel, its column ("height") or its row ("width")
in each channel, the "pixels" of each channel, or "all" values of a picture. A flat layer's values are its
channels.
"""

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Gradients, Layer, Shape

# The axes of (H, W, C).
OVER = {"channels": (2,), "height": (0,), "width": (1,), "pixels": (0, 1), "all": (0, 1, 2)}


@dataclass(eq=False)
class _Shares(Layer):
    """`function` is the name of its operation on rows in `fovea.functional`."""

    function = ""

    over: Literal["channels", "height", "width", "pixels", "all"] = "channels"

    def __post_init__(self) -> None:
        if not isinstance(self.over, str) or self.over not in OVER:
            expected = ", ".join(f'"{name}"' for name in OVER)
            raise ShapeError(mismatch(f"{type(self).__name__}: over", f"one of {expected}", repr(self.over)))

    def output_shape(self, input_shape: Shape) -> Shape:
        self.axes(input_shape)
        return input_shape

    def axes(self, shape: Shape) -> tuple[int, ...]:
        """The axes of `shape`, (H, W, C) or (n,), to sum over."""
        if len(shape) == 1 and self.over in ("channels", "all"):
            return (0,)
        if len(shape) != 3:
            remedy = 'over="channels" accepts rows (n,) too'
            raise ShapeError(mismatch(self.who, f'(H, W, C) for over="{self.over}"', shape, remedy))
        return OVER[self.over]

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        A = self._by_rows(getattr(functional, self.function), A_prev)
        return A, A

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        return self._by_rows(getattr(functional, f"{self.function}_backward"), dZ, cache), {}

    def _by_rows(self, function: Any, *arrays: np.ndarray) -> np.ndarray:
        """Apply `function` to the arrays as rows of the values to sum over; the result has the arrays'
        shape."""
        axes = [1 + axis for axis in self.axes(arrays[0].shape[1:])]
        last = range(-len(axes), 0)
        moved = [np.moveaxis(array, axes, last) for array in arrays]
        shape = moved[0].shape
        rows = function(*(array.reshape(-1, prod(shape[-len(axes) :])) for array in moved))
        return np.ascontiguousarray(np.moveaxis(rows.reshape(shape), last, axes))


@dataclass(eq=False)
class Softmax(_Shares):
    """(1): shares, which sum to 1. A classifier needs no such layer: loss and predictions work on logits."""

    function = "softmax"


@dataclass(eq=False)
class LogSoftmax(_Shares):
    """(2): the logarithms of `Softmax`, also where a share rounds to 0."""

    function = "log_softmax"

"""Pooling by itself."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

from fovea.geometry import Window
from fovea.kernels import tiles
from fovea.layers import AveragePool2D, ChannelPool, GlobalAveragePool2D, GlobalMaxPool2D, Layer, MaxPool2D
from fovea.layers.base import Shape
from fovea.stages.base import NHWC, Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class PoolStage(Stage):
    """Pooling of any kind that a convolution does not take along."""

    leads = (MaxPool2D, AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D)
    why = "no convolution can take it along"

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        (layer,) = layers
        window, self.C = self._seen(layer, input_shape)
        self.shape_A_prev, self.shape_A = (*window.input, self.C), (*window.output, self.C)
        largest = isinstance(layer, MaxPool2D | GlobalMaxPool2D) or getattr(layer, "mode", "") == "max"
        self.kind = "maximum" if largest else "average"
        self.reads = ("A_prev",) if self.kind == "maximum" else ()
        count = {"count_include_pad": getattr(layer, "count_include_pad", False)}
        self.shape = {"window": astuple(window), "channels": self.C, "vector": tiles.vector()}
        self.shape |= count if self.kind == "average" else {}

    def _seen(self, layer: Layer, input_shape: Shape) -> tuple[Window, int]:
        """The window, and the channels of what it moves over."""
        window = layer.window(input_shape)
        assert window is not None
        return window, input_shape[2]

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        inputs, outputs = {"A_prev": A_prev.seen_as(*self.shape_A_prev)}, {"A": A.seen_as(*self.shape_A)}
        return [plan.call(f"pool.{self.kind}", inputs, outputs, **self.shape, lanes=self.lanes)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        inputs = {"dA": dA.seen_as(*self.shape_A)}
        if self.kind == "maximum":
            inputs["A_prev"] = A_prev.seen_as(*self.shape_A_prev)
        outputs = {"dA_prev": dA_prev.seen_as(*self.shape_A_prev)}
        return [plan.call(f"pool.{self.kind}_backward", inputs, outputs, **self.shape, lanes=self.lanes)]


class ChannelPoolStage(PoolStage):
    """Pooling over the channels: a picture with a row for each pixel, pooled along its rows."""

    leads = (ChannelPool,)
    why = "pools over channels, as along the rows of a picture"

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        # Pictures side by side fill the vector, where neighbouring channels would be added across it.
        super().__init__(layers, input_shape, NHWC if few else tiles.vector(), first, few)

    def _seen(self, layer: Layer, input_shape: Shape) -> tuple[Window, int]:
        H, W, C = input_shape
        return Window.of((H * W, C), (1, C), (1, C)), 1

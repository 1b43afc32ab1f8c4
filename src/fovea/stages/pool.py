"""Pooling by itself."""

from ctypes import c_int32
from dataclasses import astuple, replace

from fovea.geometry import Window
from fovea.kernels import tiles
from fovea.kernels.problem import ANY_SIZE
from fovea.layers import AveragePool2D, ChannelPool, GlobalAveragePool2D, GlobalMaxPool2D, Layer, MaxPool2D
from fovea.layers.base import Shape
from fovea.stages.base import NHWC, Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context


class PoolStage(Stage):
    """Pooling of any kind that no convolution fuses."""

    starts_with = (MaxPool2D, AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D)
    why = "a stage of its own: no convolution before it can fuse it"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (layer,) = self.layers
        window, self.C = self._seen(layer, self.input_shape)
        self.shape_A_prev, self.shape_A = (*window.input, self.C), (*window.output, self.C)
        largest = isinstance(layer, MaxPool2D | GlobalMaxPool2D) or getattr(layer, "mode", "") == "max"
        self.kind = "maximum" if largest else "average"
        self.reads = ("A_prev",) if self.kind == "maximum" else ()
        self.window, self.shape = window, {"channels": self.C, "lanes": self.lanes, "vector": tiles.vector()}
        if self.kind == "average":
            self.shape["count_include_pad"] = getattr(layer, "count_include_pad", False)

    def _seen(self, layer: Layer, input_shape: Shape) -> tuple[Window, int]:
        """The window, and the channels of the pictures that it moves over."""
        window = layer.window(input_shape)
        assert window is not None
        return window, input_shape[2]

    def _moving(self, context: Context) -> tuple[tuple, dict[str, c_int32]]:
        """The window in the kernels' specification, and the numbers that they read at run time."""
        input, numbers = context.size(*self.window.input)
        if not numbers:
            return astuple(self.window), numbers
        if isinstance(self.layers[0], GlobalAveragePool2D | GlobalMaxPool2D):
            return astuple(replace(self.window, input=input, size=ANY_SIZE)), numbers
        (top, bottom, left, right), (below, beside) = self.window.pads, self.window.beyond
        pads = top, bottom - below, left, right - beside
        numbers |= {"below": c_int32(below), "beside": c_int32(beside)}
        return astuple(replace(self.window, input=input, pads=pads, beyond=(0, 0))), numbers

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        window, numbers = self._moving(context)
        inputs = {"A_prev": arrays.A_prev.seen_as(*self.shape_A_prev), **numbers}
        outputs = {"A": arrays.A.seen_as(*self.shape_A)}
        return [context.call(f"pool.{self.kind}", inputs, outputs, window=window, **self.shape)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        window, numbers = self._moving(context)
        inputs = {"dA": gradients.dA.seen_as(*self.shape_A), **numbers}
        if self.kind == "maximum":
            inputs["A_prev"] = arrays.A_prev.seen_as(*self.shape_A_prev)
        outputs = {"dA_prev": gradients.dA_prev.seen_as(*self.shape_A_prev)}
        options = {"window": window, **self.shape}
        return {"dA": [context.call(f"pool.{self.kind}_backward", inputs, outputs, **options)]}


class ChannelPoolStage(PoolStage):
    """Pooling over the channels: a picture with a row for each pixel, pooled along its rows."""

    starts_with = (ChannelPool,)
    why = "pools over channels, as along the rows of a picture"

    def __init__(self, site: Site) -> None:
        # Pictures side by side fill a vector; neighbouring channels would have to be added across it.
        super().__init__(site._replace(lanes=NHWC if site.small_batch else tiles.vector()))

    def _seen(self, layer: Layer, input_shape: Shape) -> tuple[Window, int]:
        H, W, C = input_shape
        return Window.of((H * W, C), (1, C), (1, C)), 1

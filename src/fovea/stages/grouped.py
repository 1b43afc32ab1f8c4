"""Normalisation of each picture by itself."""

from ctypes import c_float
from math import prod

from fovea.kernels import tiles
from fovea.layers import GroupNorm, InstanceNorm, LayerNorm
from fovea.stages.base import NHWC, Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.calls import Array, View
from fovea.stages.context import Context


class GroupedStage(Stage):
    """Group, instance or layer normalisation, on NHWC arrays."""

    starts_with = (GroupNorm, InstanceNorm, LayerNorm)
    reads = ("A_prev",)
    why = "statistics are needed before the normalisation"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (layer,) = self.layers
        assert isinstance(layer, GroupNorm | InstanceNorm | LayerNorm)
        self.lanes, self.layer = NHWC, layer
        self.C, self.pixels = self.input_shape[-1], prod(self.input_shape[:-1])
        self.shape = {
            "channels": self.C, "pixels": self.pixels, "groups": layer.groups_of(self.C),
            "vector": tiles.vector(),
        }  # fmt: skip
        self.epsilon = c_float(layer.epsilon)

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        parameters = context.parameters[self.layer.name]
        inputs = {"Z": self._seen(arrays.A_prev), **parameters, "epsilon": self.epsilon}
        return [context.call("grouped.normalise", inputs, {"A": self._seen(arrays.A)}, **self.shape)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        passes = Passes()
        inputs = {"dA": self._seen(gradients.dA), "Z": self._seen(arrays.A_prev), "epsilon": self.epsilon}
        if not self.layer.frozen:
            outputs = {f"d{name}": array for name, array in context.gradients[self.layer.name].items()}
            passes["dW"] = [context.call("grouped.gradients", inputs, outputs, **self.shape)]
        if gradients.dA_prev is not None:
            inputs["gamma"] = context.parameters[self.layer.name]["gamma"]
            outputs = {"dZ": self._seen(gradients.dA_prev)}
            passes["dA"] = [context.call("grouped.inputs", inputs, outputs, **self.shape)]
        return passes

    def _seen(self, array: Array) -> View:
        return array.seen_as(self.pixels, self.C)

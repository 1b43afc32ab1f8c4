"""Normalisation of each picture by itself."""

from collections.abc import Sequence
from ctypes import c_float
from math import prod

from fovea.kernels import grouped, tiles
from fovea.layers import Add, GroupNorm, InstanceNorm, Layer, LayerNorm
from fovea.layers.base import Shape
from fovea.stages.activation import FusedActivation
from fovea.stages.base import NHWC, Arrays, Gradients, Passes, Site, Stage, Step, follows
from fovea.stages.calls import Array, View
from fovea.stages.context import Context


class GroupedStage(Stage):
    """Group, instance or layer normalisation, then perhaps an activation whose gradient needs only A, on NHWC
    arrays."""

    starts_with = (GroupNorm, InstanceNorm, LayerNorm)
    why = "statistics are needed before the normalisation"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        layer = self.layers[0]
        assert isinstance(layer, GroupNorm | InstanceNorm | LayerNorm)
        self.lanes, self.layer = NHWC, layer
        self.C, self.pixels = self.input_shape[-1], prod(self.input_shape[:-1])
        self.shape = {
            "channels": self.C, "groups": layer.groups_of(self.C), "vector": tiles.vector()
        }  # fmt: skip
        self.epsilon = c_float(layer.epsilon)
        self.activation = self._fused(self.layers)
        self.reads = ("A_prev", "A") if self.activation.name else ("A_prev",)

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        return 1 + cls._fused(layers).count

    @staticmethod
    def _fused(layers: Sequence[Layer]) -> FusedActivation:
        activation = FusedActivation(layers)
        from_A = activation.gate or activation.source == "A"
        return activation if from_A else FusedActivation(layers[:1])  # none

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        parameters = context.parameters[self.layer.name]
        beside = grouped.beside(self.C, self.pixels, self.shape["groups"])

        def seen(array: Array) -> View:
            return array.seen_as(self.pixels // beside, self.C * beside)

        pixels, number = context.pixels(self.pixels)
        inputs = {"Z": seen(arrays.A_prev), **parameters, "epsilon": self.epsilon, **number}
        for shortcut in arrays.other_inputs:
            inputs["S"] = seen(shortcut)
        options = {"pixels": pixels, "beside": beside, "activation": self.activation.name}
        options |= {"add": "S" in inputs, **self.shape}
        return [context.call("grouped.normalise", inputs, {"A": seen(arrays.A)}, **options)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        passes, (pixels, number) = Passes(), context.pixels(self.pixels)
        options = {"pixels": pixels, **self.shape}
        inputs = {"dA": self._seen(gradients.dA), "Z": self._seen(arrays.A_prev), "epsilon": self.epsilon}
        inputs |= number
        if self.activation.name:
            inputs["A"], options["activation"] = self._seen(arrays.A), self.activation.name
        if not self.layer.frozen:
            outputs = {f"d{name}": array for name, array in context.gradients[self.layer.name].items()}
            passes["dW"] = [context.call("grouped.gradients", inputs, outputs, **options)]
        if gradients.dA_prev is not None:
            inputs["gamma"] = context.parameters[self.layer.name]["gamma"]
            outputs = {"dZ": self._seen(gradients.dA_prev)}
            passes["dA"] = [context.call("grouped.inputs", inputs, outputs, **options)]
        return passes

    def _seen(self, array: Array) -> View:
        return array.seen_as(self.pixels, self.C)


class NormalisedStage(GroupedStage):
    """The same in predictions, then perhaps the sum with a shortcut, then perhaps an activation."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.activation = FusedActivation(self.layers[len(self.layers) - 2 :])

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        add = follows(Add, layers, 1)
        return 1 + add + FusedActivation(layers[add:]).count

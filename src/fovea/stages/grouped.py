"""Normalisation of each picture by itself."""

from collections.abc import Sequence
from ctypes import c_float
from math import prod
from typing import TYPE_CHECKING, Any

from fovea.kernels import tiles
from fovea.layers import GroupNorm, InstanceNorm, Layer, LayerNorm
from fovea.stages.base import NHWC, Stage, Step
from fovea.stages.calls import Array, View

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class GroupedStage(Stage):
    """Group, instance or layer normalisation, on NHWC arrays."""

    leads = (GroupNorm, InstanceNorm, LayerNorm)
    reads = ("A_prev",)
    why = "what is normalised together must be known before"

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        (layer,) = layers
        assert isinstance(layer, GroupNorm | InstanceNorm | LayerNorm)
        self.lanes, self.layer = NHWC, layer
        self.C, self.pixels = input_shape[-1], prod(input_shape[:-1])
        self.shape = {
            "channels": self.C, "pixels": self.pixels, "groups": layer.groups_of(self.C),
            "vector": tiles.vector(),
        }  # fmt: skip
        self.epsilon = c_float(layer.epsilon)

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        scale = {name: plan.network.parameters[f"{self.layer.name}.{name}"] for name in ("gamma", "beta")}
        inputs = {"Z": self._seen(A_prev), **scale, "epsilon": self.epsilon}
        return [plan.call("grouped.normalise", inputs, {"A": self._seen(A)}, **self.shape)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        given = {"dA": self._seen(dA), "Z": self._seen(A_prev), "epsilon": self.epsilon}
        gradients = {f"d{own}": plan.gradient_views[f"{self.layer.name}.{own}"] for own in ("gamma", "beta")}
        steps: list[Step] = [plan.call("grouped.gradients", given, gradients, **self.shape)]
        if dA_prev is not None:
            gamma = plan.network.parameters[f"{self.layer.name}.gamma"]
            outputs = {"dZ": self._seen(dA_prev)}
            steps.append(plan.call("grouped.inputs", {**given, "gamma": gamma}, outputs, **self.shape))
        return steps

    def _seen(self, array: Array) -> View:
        return array.seen_as(self.pixels, self.C)

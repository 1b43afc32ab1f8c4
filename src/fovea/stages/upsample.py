"""Larger pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fovea.kernels import tiles
from fovea.layers import Layer, Upsample2D
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class UpsampleStage(Stage):
    """Upsampling of either kind."""

    leads = (Upsample2D,)
    reads = ()
    why = "no kernel takes it along"

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        (layer,) = layers
        assert isinstance(layer, Upsample2D)
        H, W, C = input_shape
        self.shape = {"size": (H, W), "factor": layer.factor, "mode": layer.mode, "channels": C}
        self.shape |= {"lanes": self.lanes, "vector": tiles.vector()}

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        inputs, outputs = {"A_prev": A_prev.seen_as(*self.input_shape)}, {"A": A.seen_as(*self.output_shape)}
        return [plan.call("upsample.forward", inputs, outputs, **self.shape)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        inputs = {"dA": dA.seen_as(*self.output_shape)}
        outputs = {"dA_prev": dA_prev.seen_as(*self.input_shape)}
        return [plan.call("upsample.backward", inputs, outputs, **self.shape)]

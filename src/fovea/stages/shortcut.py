"""The shortcut without parameters."""

from typing import TYPE_CHECKING, Any

from fovea.geometry import pair
from fovea.kernels import tiles
from fovea.layers import Shortcut
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class ShortcutStage(Stage):
    """Pixels are passed over and zeros added; nothing is computed."""

    leads = (Shortcut,)
    reads = ()
    adds = True
    why = "moves numbers, and computes nothing"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        inputs, outputs = {"A_prev": A_prev.seen_as(*self.input_shape)}, {"Z": A.seen_as(*self.output_shape)}
        return [plan.call("shortcut.take", inputs, outputs, **self._shape())]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        (begun,) = self.begun
        inputs = {
            "dZ": dA.seen_as(*self.output_shape),
            "accumulated": begun and begun.seen_as(*self.input_shape),
        }
        outputs = {"dA_prev": dA_prev.seen_as(*self.input_shape)}
        return [plan.call("shortcut.give_back", inputs, outputs, **self._shape(), add=begun is not None)]

    def _shape(self) -> dict[str, Any]:
        (layer,) = self.layers
        assert isinstance(layer, Shortcut)
        return {
            "size": self.input_shape[:2],
            "stride": pair(layer.stride, layer.who, "stride"),
            "channels": self.input_shape[2],
            "deeper": self.output_shape[2],
            "lanes": self.lanes,
            "vector": tiles.vector(),
        }

"""The shortcut without parameters."""

from typing import TYPE_CHECKING, Any

from fovea.geometry import pair
from fovea.kernels import tiles
from fovea.kernels.specification import specify
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
        inputs, outputs = [A_prev.seen_as(*self.input_shape)], [A.seen_as(*self.output_shape)]
        return [plan.call(specify("shortcut.take", **self._shape()), inputs, outputs=outputs)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        (begun,) = self.begun
        before = [] if begun is None else [begun.seen_as(*self.input_shape)]
        specification = specify("shortcut.give_back", **self._shape(), add=begun is not None)
        inputs, outputs = [dA.seen_as(*self.output_shape), *before], [dA_prev.seen_as(*self.input_shape)]
        return [plan.call(specification, inputs, outputs=outputs)]

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

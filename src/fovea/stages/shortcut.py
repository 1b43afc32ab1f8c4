"""The shortcut without parameters."""

from typing import TYPE_CHECKING

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
    why = "moves numbers, and computes nothing"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [self._call(plan, "take", A_prev, A)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        return [] if dA_prev is None else [self._call(plan, "give_back", dA, dA_prev)]

    def _call(self, plan: "Plan", name: str, source: Array, target: Array) -> Step:
        (layer,) = self.layers
        assert isinstance(layer, Shortcut)
        inner, outer = (self.output_shape, self.input_shape)[:: 1 if name == "give_back" else -1]
        specification = specify(
            f"shortcut.{name}",
            size=self.input_shape[:2],
            stride=pair(layer.stride, layer.who, "stride"),
            channels=self.input_shape[2],
            deeper=self.output_shape[2],
            lanes=self.lanes,
            vector=tiles.vector(),
        )
        return plan.call(specification, [source.seen_as(*inner)], outputs=[target.seen_as(*outer)])

"""Changes of layout between stages."""

from typing import TYPE_CHECKING

from fovea.kernels import tiles
from fovea.layers.base import Shape
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array, layout

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class RelayoutStage(Stage):
    """From one layout to another, and the gradient back."""

    reads = ()

    def __init__(self, input_shape: Shape, lanes_in: int, lanes: int) -> None:
        super().__init__((), input_shape, lanes, first=False, few=False)
        self.lanes_in = lanes_in
        self.why = f"between {layout(lanes_in)} and {layout(lanes)}"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [_relayout(plan, self.input_shape, A_prev, A)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        return [] if dA_prev is None else [_relayout(plan, self.input_shape, dA, dA_prev)]


def _relayout(plan: "Plan", shape: Shape, source: Array, target: Array) -> Step:
    H, W, C = shape if len(shape) == 3 else (1, 1, *shape)
    size = {"channels": C, "width": W, "height": H}
    given, result = source.seen_as(H, W, C), target.seen_as(H, W, C)
    if source.lanes > 1:
        return plan.call("layout.unpack", {"A": given}, {"X": result}, **size, lanes=source.lanes)
    inputs, how = {"X": given, "count": plan.count}, {"lanes": target.lanes, "vector": tiles.vector()}
    return plan.call("layout.pack", inputs, {"A": result}, **size, **how, kind="f32")

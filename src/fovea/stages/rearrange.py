"""Numbers that change their places."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fovea.kernels import tiles
from fovea.kernels.rearrange import inverse, table
from fovea.layers import Channels, DepthToSpace, Layer, SpaceToDepth
from fovea.layers.base import Shape
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array, View

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class RearrangeStage(Stage):
    """Blocks into channels and back, and channels in an order."""

    leads = (SpaceToDepth, DepthToSpace, Channels)
    reads = ()
    why = "moves numbers, and computes nothing"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [self._call(plan, 0, (A_prev, self.input_shape), (A, self.output_shape))]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        return [self._call(plan, 1, (dA, self.output_shape), (dA_prev, self.input_shape))]

    def _call(
        self, plan: "Plan", back: int, source: tuple[Array, Shape], target: tuple[Array, Shape]
    ) -> Step:
        (layer,), (array, shape), (result, shape_out) = self.layers, source, target
        inputs: dict[str, View | np.ndarray] = {"A_prev": array.seen_as(*shape)}
        if isinstance(layer, Channels):
            inputs["order"] = table(inverse(layer.order, shape_out[2]) if back else layer.order)
            how: dict[str, Any] = {"taken": shape_out[2]}
        else:
            assert isinstance(layer, SpaceToDepth | DepthToSpace)
            how = {"block": layer.block, "mode": layer.mode}
        how |= {"size": shape[:2], "channels": shape[2], "lanes": self.lanes, "vector": tiles.vector()}
        operation = f"rearrange.{_OPERATIONS[type(layer)][back]}"
        return plan.call(operation, inputs, {"A": result.seen_as(*shape_out)}, **how)


# Forward and back.
_OPERATIONS: dict[type[Layer], tuple[str, str]] = {
    SpaceToDepth: ("space_to_depth", "depth_to_space"),
    DepthToSpace: ("depth_to_space", "space_to_depth"),
    Channels: ("channels", "channels"),
}

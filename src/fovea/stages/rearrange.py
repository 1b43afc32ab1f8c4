"""Numbers moved to other places."""

from typing import Any

from fovea.kernels import tiles
from fovea.kernels.rearrange import inverse, table
from fovea.layers import Channels, DepthToSpace, Layer, SpaceToDepth
from fovea.layers.base import Shape
from fovea.stages.base import Arrays, Gradients, Passes, Stage, Step
from fovea.stages.calls import Array, Input
from fovea.stages.context import Context


class RearrangeStage(Stage):
    """Blocks into channels and back, and channels reordered."""

    starts_with = (SpaceToDepth, DepthToSpace, Channels)
    reads = ()
    why = "moves numbers, and computes nothing"

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        source, target = (arrays.A_prev, self.input_shape), (arrays.A, self.output_shape)
        return [self._call(context, False, source, target)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        source, target = (gradients.dA, self.output_shape), (gradients.dA_prev, self.input_shape)
        return {"dA": [self._call(context, True, source, target)]}

    def _call(
        self, context: Context, back: bool, source: tuple[Array, Shape], target: tuple[Array, Shape]
    ) -> Step:
        (layer,), (array, shape), (result, shape_out) = self.layers, source, target
        inputs: dict[str, Input] = {"A_prev": array.seen_as(*shape)}
        if isinstance(layer, Channels):
            inputs["order"] = table(inverse(layer.order, shape_out[2]) if back else layer.order)
            options: dict[str, Any] = {"taken": shape_out[2]}
        else:
            assert isinstance(layer, SpaceToDepth | DepthToSpace)
            options = {"block": layer.block, "mode": layer.mode}
        options |= {"size": shape[:2], "channels": shape[2], "lanes": self.lanes, "vector": tiles.vector()}
        operation = f"rearrange.{_OPERATIONS[type(layer)][back]}"
        return context.call(operation, inputs, {"A": result.seen_as(*shape_out)}, **options)


# Forward and back.
_OPERATIONS: dict[type[Layer], tuple[str, str]] = {
    SpaceToDepth: ("space_to_depth", "depth_to_space"),
    DepthToSpace: ("depth_to_space", "space_to_depth"),
    Channels: ("channels", "channels"),
}

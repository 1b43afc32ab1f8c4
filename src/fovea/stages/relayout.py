"""Changes of layout between stages."""

from fovea.kernels import tiles
from fovea.layers.base import Shape
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.calls import Array, layout
from fovea.stages.context import Context


class RelayoutStage(Stage):
    """From one layout to another, and the gradient back."""

    reads = ()

    def __init__(self, shape: Shape, lanes_in: int, lanes: int) -> None:
        super().__init__(Site((), shape, lanes))
        self.why = f"reorders memory from {layout(lanes_in)} to {layout(lanes)}"

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        return [self._call(context, arrays.A_prev, arrays.A)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        return {"dA": [self._call(context, gradients.dA, gradients.dA_prev)]}

    def _call(self, context: Context, source: Array, target: Array) -> Step:
        H, W, C = self.input_shape if len(self.input_shape) == 3 else (1, 1, *self.input_shape)
        size = {"channels": C, "size": (H, W)}
        before, after = source.seen_as(H, W, C), target.seen_as(H, W, C)
        if source.lanes > 1:
            return context.call("layout.unpack", {"A": before}, {"X": after}, **size, lanes=source.lanes)
        options = {**size, "lanes": target.lanes, "vector": tiles.vector(), "kind": "f32"}
        return context.call("layout.pack", {"X": before, "count": context.count}, {"A": after}, **options)

"""The shortcut without parameters."""

from fovea.geometry import pair
from fovea.kernels import tiles
from fovea.layers import Shortcut
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context


class ShortcutStage(Stage):
    """Skips pixels and appends channels of zeros; computes nothing."""

    starts_with = (Shortcut,)
    reads = ()
    adds = True
    why = "moves numbers, and computes nothing"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (layer,) = self.layers
        assert isinstance(layer, Shortcut)
        self.shape = {
            "size": self.input_shape[:2],
            "stride": pair(layer.stride, layer.who, "stride"),
            "channels": self.input_shape[2],
            "deeper": self.output_shape[2],
            "lanes": self.lanes,
            "vector": tiles.vector(),
        }

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        inputs = {"A_prev": arrays.A_prev.seen_as(*self.input_shape)}
        outputs = {"Z": arrays.A.seen_as(*self.output_shape)}
        return [context.call("shortcut.take", inputs, outputs, **self.shape)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        (accumulated,) = gradients.accumulated
        so_far = accumulated and accumulated.seen_as(*self.input_shape)
        inputs = {"dZ": gradients.dA.seen_as(*self.output_shape), "accumulated": so_far}
        outputs = {"dA_prev": gradients.dA_prev.seen_as(*self.input_shape)}
        options = {**self.shape, "add": accumulated is not None}
        return {"dA": [context.call("shortcut.give_back", inputs, outputs, **options)]}

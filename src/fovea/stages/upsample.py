"""Upsampled pictures."""

from fovea.kernels import tiles
from fovea.layers import Upsample2D
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context


class UpsampleStage(Stage):
    """Upsampling of either kind."""

    starts_with = (Upsample2D,)
    reads = ()
    why = "a stage of its own: no kernel fuses it"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (layer,) = self.layers
        assert isinstance(layer, Upsample2D)
        self.shape = {"factor": layer.factor, "mode": layer.mode, "channels": self.input_shape[2]}
        self.shape |= {"lanes": self.lanes, "vector": tiles.vector()}

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        size, numbers = context.size(*self.input_shape[:2])
        inputs = {"A_prev": arrays.A_prev.seen_as(*self.input_shape), **numbers}
        outputs = {"A": arrays.A.seen_as(*self.output_shape)}
        return [context.call("upsample.forward", inputs, outputs, size=size, **self.shape)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        size, numbers = context.size(*self.input_shape[:2])
        inputs = {"dA": gradients.dA.seen_as(*self.output_shape), **numbers}
        outputs = {"dA_prev": gradients.dA_prev.seen_as(*self.input_shape)}
        return {"dA": [context.call("upsample.backward", inputs, outputs, size=size, **self.shape)]}

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
        H, W, C = self.input_shape
        self.shape = {"size": (H, W), "factor": layer.factor, "mode": layer.mode, "channels": C}
        self.shape |= {"lanes": self.lanes, "vector": tiles.vector()}

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        inputs = {"A_prev": arrays.A_prev.seen_as(*self.input_shape)}
        outputs = {"A": arrays.A.seen_as(*self.output_shape)}
        return [context.call("upsample.forward", inputs, outputs, **self.shape)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        inputs = {"dA": gradients.dA.seen_as(*self.output_shape)}
        outputs = {"dA_prev": gradients.dA_prev.seen_as(*self.input_shape)}
        return {"dA": [context.call("upsample.backward", inputs, outputs, **self.shape)]}

"""Pictures padded, cropped and resized."""

from ctypes import c_float

from fovea.geometry.sampling import Axis
from fovea.kernels import tiles
from fovea.kernels.sample import specialised, tables
from fovea.layers import Pad2D, Resize2D
from fovea.layers.base import Shape
from fovea.stages.base import Arrays, Gradients, Passes, Stage, Step
from fovea.stages.calls import Array
from fovea.stages.context import Context


class SampleStage(Stage):
    """Each output pixel is a weighted sum of a few input pixels, from tables."""

    starts_with = (Pad2D, Resize2D)
    reads = ()
    why = "a stage of its own: no kernel fuses it"

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        source, target = (arrays.A_prev, self.input_shape), (arrays.A, self.output_shape)
        return [self._call(context, self._axes(), source, target, getattr(self.layers[0], "value", 0.0))]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        rows, columns = (axis.transposed() for axis in self._axes())
        source, target = (gradients.dA, self.output_shape), (gradients.dA_prev, self.input_shape)
        return {"dA": [self._call(context, (rows, columns), source, target, 0.0)]}

    def _axes(self) -> tuple[Axis, Axis]:
        (layer,) = self.layers
        assert isinstance(layer, Pad2D | Resize2D)
        return layer.axes(self.input_shape)

    def _call(
        self,
        context: Context,
        axes: tuple[Axis, Axis],
        source: tuple[Array, Shape],
        target: tuple[Array, Shape],
        fill: float,
    ) -> Step:
        (array, shape), (result, shape_out) = source, target
        options = {"channels": shape[2], "lanes": self.lanes, "vector": tiles.vector()}
        inputs = {"A_prev": array.seen_as(*shape), **tables(*axes), "fill": c_float(fill)}
        outputs = {"A": result.seen_as(*shape_out)}
        return context.call("sample.sample", inputs, outputs, **specialised(*axes), **options)

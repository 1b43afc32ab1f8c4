"""Pictures padded, cropped and resized."""

from collections.abc import Sequence
from ctypes import c_float, c_int32

from fovea.geometry.sampling import Axis
from fovea.kernels import tiles
from fovea.kernels.problem import ANY_SIZE
from fovea.kernels.sample import specialised, tables
from fovea.layers import Pad2D, Resize2D
from fovea.stages.base import Arrays, Gradients, Passes, Stage, Step
from fovea.stages.calls import Array
from fovea.stages.context import Context


class SampleStage(Stage):
    """Each output pixel is a weighted sum of a few input pixels, from tables."""

    starts_with = (Pad2D, Resize2D)
    reads = ()
    why = "a stage of its own: no kernel fuses it"

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        fill, C = getattr(self.layers[0], "value", 0.0), self.input_shape[2]
        return [sampled(context, self._axes(), arrays.A_prev, arrays.A, C, fill)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        axes = [axis.transposed() for axis in self._axes()]
        return {"dA": [sampled(context, axes, gradients.dA, gradients.dA_prev, self.input_shape[2])]}

    def _axes(self) -> tuple[Axis, Axis]:
        (layer,) = self.layers
        assert isinstance(layer, Pad2D | Resize2D)
        return layer.axes(self.input_shape)


def sampled(
    context: Context, axes: Sequence[Axis], source: Array, target: Array, channels: int, fill: float = 0.0
) -> Step:
    """Write to `target` the pictures of `source`, sampled by the tables of rows and columns."""
    rows, columns = axes
    options = {"channels": channels, "lanes": source.lanes, "vector": tiles.vector()}
    shapes = specialised(rows, columns)
    inputs = {"A_prev": source.seen_as(rows.n, columns.n, channels), **tables(rows, columns)}
    outputs = {"A": target.seen_as(rows.n_out, columns.n_out, channels)}
    inputs |= {"fill": c_float(fill)}
    if context.any_size:
        size, numbers = context.size(rows.n, columns.n)
        shapes |= {"size": size, "output": ANY_SIZE}
        inputs |= {**numbers, "height_out": c_int32(rows.n_out), "width_out": c_int32(columns.n_out)}
    return context.call("sample.sample", inputs, outputs, **shapes, **options)

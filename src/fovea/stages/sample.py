"""Pictures padded, cropped and resized."""

from ctypes import c_float
from typing import TYPE_CHECKING

from fovea.geometry.sampling import Axis
from fovea.kernels import tiles
from fovea.kernels.sample import specialised, tables
from fovea.layers import Pad2D, Resize2D
from fovea.layers.base import Shape
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class SampleStage(Stage):
    """Every new pixel from a few old ones, which tables tell."""

    leads = (Pad2D, Resize2D)
    reads = ()
    why = "no kernel takes it along"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        rows, columns = self._axes()
        fill = getattr(self.layers[0], "value", 0.0)
        return [self._call(plan, (rows, columns), A_prev, self.input_shape, A, self.output_shape, fill)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        rows, columns = (axis.transposed() for axis in self._axes())
        return [self._call(plan, (rows, columns), dA, self.output_shape, dA_prev, self.input_shape, 0.0)]

    def _axes(self) -> tuple[Axis, Axis]:
        (layer,) = self.layers
        assert isinstance(layer, Pad2D | Resize2D)
        return layer.axes(self.input_shape)

    def _call(
        self,
        plan: "Plan",
        axes: tuple[Axis, Axis],
        source: Array,
        shape: Shape,
        target: Array,
        shape_out: Shape,
        fill: float,
    ) -> Step:
        rows, columns = axes
        how = {"channels": shape[2], "lanes": self.lanes, "vector": tiles.vector()}
        inputs = {"A_prev": source.seen_as(*shape), **tables(rows, columns), "fill": c_float(fill)}
        outputs = {"A": target.seen_as(*shape_out)}
        return plan.call("sample.sample", inputs, outputs, **specialised(rows, columns), **how)

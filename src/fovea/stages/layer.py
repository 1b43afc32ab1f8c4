"""Layers that no other stage knows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fovea.layers import Layer
from fovea.layers.base import Shape, pack_inputs, unpack_inputs
from fovea.network.parameters import learn_statistics
from fovea.stages.base import NHWC, Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class LayerStage(Stage):
    """Any other layer, run as it is on NHWC arrays: Dropout, and the layers that people write."""

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        self.input_shapes: Sequence[Shape] = input_shape if layers[0].merges else (input_shape,)
        self.lanes, self.why = NHWC, f"{type(layers[0]).__name__} has no kernel: runs as it is, in Python"
        (self.layer,) = layers
        self.reads = ("A_prev", "beside")  # of which the cache may hold a view; A is a copy
        self._cache: object = None

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        def run() -> None:
            count, arrays = plan.count.value, zip((A_prev, *self.beside), self.input_shapes, strict=True)
            those = [array.pictures(count).reshape(-1, *shape) for array, shape in arrays]
            Z, self._cache = self.layer.forward(
                pack_inputs(self.layer, those), training=plan.in_step, rng=plan.rng
            )
            if plan.in_step:
                learn_statistics(self.layer, self._cache)
            A.pictures(count)[...] = Z.reshape(count, -1)

        return [run]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        def run() -> None:
            dZ = dA.pictures(plan.count.value).reshape(-1, *self.output_shape)
            dX, gradients = self.layer.backward(dZ, self._cache)
            self._cache = None
            for name, gradient in gradients.items() if not self.layer.frozen else ():
                plan.gradient_views[f"{self.layer.name}.{name}"][...] = gradient
            for target, part in zip((dA_prev, *self.dbeside), unpack_inputs(dX), strict=True):
                if target is not None:
                    target.pictures(plan.count.value)[...] = part.reshape(len(part), -1)

        return [run]

"""Layers that no other stage knows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fovea.layers import Layer
from fovea.layers.base import Shape
from fovea.parameters import learn_statistics
from fovea.stages.base import NHWC, Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class LayerStage(Stage):
    """Any other layer, run as it is on NHWC arrays: Dropout, and the layers that people write."""

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        self.lanes, self.why = NHWC, f"{type(layers[0]).__name__} has no kernel: runs as it is, in Python"
        (self.layer,) = layers
        self.reads = ("A_prev",)  # of which the cache may hold a view; A is a copy
        self._cache: object = None

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        def run() -> None:
            X = A_prev.pictures(plan.count.value).reshape(-1, *self.input_shape)
            Z, self._cache = self.layer.forward(X, training=plan.in_step, rng=plan.rng)
            if plan.in_step:
                learn_statistics(self.layer, self._cache)
            A.pictures(plan.count.value)[...] = Z.reshape(len(X), -1)

        return [run]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        def run() -> None:
            dZ = dA.pictures(plan.count.value).reshape(-1, *self.output_shape)
            dX, gradients = self.layer.backward(dZ, self._cache)
            self._cache = None
            for name, gradient in gradients.items():
                plan.gradient_views[f"{self.layer.name}.{name}"][...] = gradient
            if dA_prev is not None:
                dA_prev.pictures(plan.count.value)[...] = dX.reshape(len(dX), -1)

        return [run]

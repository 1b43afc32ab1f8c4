"""Layers that no other stage starts with."""

from collections.abc import Sequence

from fovea.layers.base import Shape, pack_inputs, unpack_inputs
from fovea.network.parameters import learn_statistics
from fovea.stages.base import NHWC, Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context


class LayerStage(Stage):
    """Any other layer, run in Python on NHWC arrays: Dropout, and custom layers."""

    reads = ("A_prev", "other_inputs")  # its cache may hold a view of them; A is a copy

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (self.layer,) = self.layers
        self.input_shapes: Sequence[Shape] = site.input_shape if self.layer.merges else (site.input_shape,)
        self.lanes, self.why = NHWC, f"{type(self.layer).__name__} has no kernel: runs as it is, in Python"
        self._cache: object = None

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        def run() -> None:
            count = context.count.value
            inputs = [
                array.pictures(count).reshape(-1, *shape)
                for array, shape in zip(arrays.inputs, self.input_shapes, strict=True)
            ]
            Z, self._cache = self.layer.forward(
                pack_inputs(self.layer, inputs), training=context.in_step, rng=context.rng
            )
            if context.in_step:
                learn_statistics(self.layer, self._cache)
            arrays.A.pictures(count)[...] = Z.reshape(count, -1)

        return [run]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        def run() -> None:
            count = context.count.value
            dZ = gradients.dA.pictures(count).reshape(-1, *self.output_shape)
            dX, of_parameters = self.layer.backward(dZ, self._cache)
            self._cache = None
            for name, gradient in of_parameters.items() if not self.layer.frozen else ():
                context.gradients[self.layer.name][name][...] = gradient
            for target, gradient in zip(gradients.inputs, unpack_inputs(dX), strict=True):
                if target is not None:
                    target.pictures(count)[...] = gradient.reshape(len(gradient), -1)

        return {"dW+dA": [run]}

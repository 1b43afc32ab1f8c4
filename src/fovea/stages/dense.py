"""Fully connected layers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fovea.kernels import tiles
from fovea.kernels.specification import specify
from fovea.layers import Dense, Layer, ReLU
from fovea.layers.base import Shape
from fovea.stages.base import NHWC, Stage, Step, follows, parameters_of
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class DenseStage(Stage):
    """A fully connected layer, then perhaps ReLU; with pictures side by side unless they are few."""

    leads = (Dense,)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        dense = layers[0]
        assert isinstance(dense, Dense)
        self.lanes, self.relu, self.bias = NHWC if few else tiles.vector(), len(layers) > 1, dense.bias
        self.why = "few pictures, one by one" if few else ""
        self.reads = ("A_prev", "A") if self.relu else ("A_prev",)
        (self.n_in,), (self.n_out,) = input_shape, self.output_shape
        self.shape = {"n_in": self.n_in, "n_out": self.n_out, "lanes": self.lanes}

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        return 1 + follows(ReLU, layers, 1)

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        tile = tiles.dense(self.n_out)
        vector = tiles.vector()
        specification = specify(
            "dense.forward", **self.shape, bias=self.bias, relu=self.relu, tile=tile, vector=vector
        )
        parameters = parameters_of(self.layers[0], plan.network.parameters)
        return [
            plan.call(specification, [A_prev.seen_as(self.n_in)], parameters, outputs=[A.seen_as(self.n_out)])
        ]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        upstream = [array.seen_as(1, 1, self.n_out) for array in ((dA, A) if self.relu else (dA,))]
        shape = {**self.shape, "after": "relu" if self.relu else "", "tile": tiles.dense(self.n_in)}
        specification = specify("dense.weights", **shape, bias=self.bias, vector=tiles.vector())
        gradients = parameters_of(self.layers[0], plan.gradient_views)
        steps: list[Step] = [
            plan.call(specification, [A_prev.seen_as(self.n_in), *upstream], gradients=gradients)
        ]
        if dA_prev is not None:
            W = parameters_of(self.layers[0], plan.network.parameters)[0]
            specification = specify("dense.inputs", **shape)
            steps.append(plan.call(specification, upstream, [W], outputs=[dA_prev.seen_as(self.n_in)]))
        return steps

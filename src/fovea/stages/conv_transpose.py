"""Transposed convolutions: the kernels of convolutions, each in the place of another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fovea.kernels import algorithms, tiles
from fovea.kernels.problem import ConvProblem
from fovea.kernels.specification import specify
from fovea.layers import ConvTranspose2D, Layer
from fovea.layers.base import Shape
from fovea.stages.base import Stage, Step, parameters_of
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class ConvTransposeStage(Stage):
    """Forward it is a convolution's gradient by its input, back a convolution and its filters' gradient."""

    leads = (ConvTranspose2D,)
    reads = ("A_prev",)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        (layer,) = layers
        assert isinstance(layer, ConvTranspose2D)
        window, C, K = layer.upward(input_shape), layer.filters, input_shape[2]
        # Few pictures, too: its sums have another order where pictures lie side by side.
        self.layer, self.lanes = layer, tiles.lanes(C, K)
        self.problem = ConvProblem(window, C, K, layer.groups, lanes=self.lanes)  # that it turns about

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        chosen = algorithms.inputs(self.problem, "exact")
        specification = specify(chosen.operation, **chosen.arguments, after="", bias=self.layer.bias)
        inputs, outputs = [A_prev.seen_as(*self.input_shape)], [A.seen_as(*self.output_shape)]
        constant = parameters_of(self.layer, plan.network.parameters)
        return [plan.call(specification, inputs, constant, outputs=outputs, choice=chosen)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        precision = self.layer.precision or plan.network.precision
        H, W, C = self.output_shape
        rows = dA.seen_as(H, W * C)
        weights = parameters_of(self.layer, plan.network.parameters)[0]
        dweights, *db = parameters_of(self.layer, plan.gradient_views)
        chosen = algorithms.weights(self.problem, precision)
        specification = specify(chosen.operation, **chosen.arguments, after="", bias=False)
        inputs = [rows, A_prev.seen_as(*self.input_shape)]
        steps: list[Step] = [
            plan.call(specification, inputs, gradients=[chosen.view(dweights)], choice=chosen)
        ]
        if db:
            size = {"output": (H, W), "channels": C, "lanes": self.lanes, "vector": tiles.vector()}
            specification = specify("bias.gradient", **size)
            steps.append(plan.call(specification, [dA.seen_as(H, W, C)], gradients=db))
        if dA_prev is not None:
            chosen = algorithms.forward(self.problem, precision)
            how = {"bias": False, "activation": "", "noted": False}
            specification = specify(chosen.operation, **chosen.arguments, **how)
            outputs = [dA_prev.seen_as(*self.input_shape)]
            constant = [chosen.view(weights)]
            steps.append(plan.call(specification, [rows], constant, outputs=outputs, choice=chosen))
        return steps

"""Transposed convolutions: the kernels of convolutions, each in the place of another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fovea.kernels import algorithms, tiles
from fovea.kernels.problem import ConvProblem
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
        W, b = parameters_of(self.layer, plan.network.parameters)
        inputs = {"dA": A_prev.seen_as(*self.input_shape), "W": W, "b": b}
        outputs = {"dA_prev": A.seen_as(*self.output_shape)}
        how = {"choice": chosen, **chosen.arguments, "after": "", "bias": b is not None}
        return [plan.call(chosen.operation, inputs, outputs, **how)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        precision = self.layer.precision or plan.network.precision
        H, W, C = self.output_shape
        rows = {"A_prev": dA.seen_as(H, W * C)}
        dW, db = parameters_of(self.layer, plan.gradient_views)
        chosen = algorithms.weights(self.problem, precision)
        how = {"choice": chosen, **chosen.arguments, "after": "", "bias": False}
        inputs, outputs = {**rows, "dA": A_prev.seen_as(*self.input_shape)}, {"dW": chosen.view(dW)}
        steps: list[Step] = [plan.call(chosen.operation, inputs, outputs, **how)]
        if db is not None:
            size = {"output": (H, W), "channels": C, "lanes": self.lanes, "vector": tiles.vector()}
            steps.append(plan.call("bias.gradient", {"dA": dA.seen_as(H, W, C)}, {"db": db}, **size))
        if dA_prev is not None:
            chosen = algorithms.forward(self.problem, precision)
            weights = parameters_of(self.layer, plan.network.parameters)[0]
            inputs, outputs = {**rows, "W": chosen.view(weights)}, {"A": dA_prev.seen_as(*self.input_shape)}
            how = {"choice": chosen, **chosen.arguments, "bias": False, "activation": "", "saved": False}
            steps.append(plan.call(chosen.operation, inputs, outputs, **how))
        return steps

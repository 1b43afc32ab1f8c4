"""Transposed convolutions, by the kernels of convolutions with their roles exchanged."""

from fovea.kernels import algorithms, tiles
from fovea.kernels.problem import ConvProblem
from fovea.layers import ConvTranspose2D
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context


class ConvTransposeStage(Stage):
    """Its forward pass is the gradient of a convolution's input; its backward pass is that convolution, and
    the gradient of its filters."""

    starts_with = (ConvTranspose2D,)
    reads = ("A_prev",)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (layer,) = self.layers
        assert isinstance(layer, ConvTranspose2D)
        window, C, K = layer.upward(self.input_shape), layer.filters, self.input_shape[2]
        # In small batches, too: side by side, sums have another order.
        self.layer, self.lanes = layer, tiles.lanes(C, K)
        self.problem = ConvProblem(window, C, K, layer.groups, lanes=self.lanes)  # the convolution's

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        choice = algorithms.inputs(self.problem, "exact")
        parameters = context.parameters[self.layer.name]
        inputs = {"dA": arrays.A_prev.seen_as(*self.input_shape), **parameters}
        outputs = {"dA_prev": arrays.A.seen_as(*self.output_shape)}
        return [context.call(choice, inputs, outputs, after="", bias="b" in parameters)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        passes, precision = Passes(), self.layer.precision or context.network.precision
        H, W, C = self.output_shape
        rows = {"A_prev": gradients.dA.seen_as(H, W * C)}
        if not self.layer.frozen:
            choice = algorithms.weights(self.problem, precision)
            of_parameters = context.gradients[self.layer.name]
            inputs = {**rows, "dA": arrays.A_prev.seen_as(*self.input_shape)}
            passes["dW"] = [
                context.call(choice, inputs, {"dW": choice.view(of_parameters["W"])}, after="", bias=False)
            ]
            if "b" in of_parameters:
                size = {"output": (H, W), "channels": C, "lanes": self.lanes, "vector": tiles.vector()}
                inputs = {"dA": gradients.dA.seen_as(H, W, C)}
                passes["dW"].append(context.call("bias.gradient", inputs, {"db": of_parameters["b"]}, **size))
        if gradients.dA_prev is not None:
            choice = algorithms.forward(self.problem, precision)
            inputs = {**rows, "W": choice.view(context.parameters[self.layer.name]["W"])}
            outputs = {"A": gradients.dA_prev.seen_as(*self.input_shape)}
            passes["dA"] = [context.call(choice, inputs, outputs, bias=False, activation="", saved=False)]
        return passes

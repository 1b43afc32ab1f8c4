"""Transposed convolutions: the kernels of convolutions, each in the place of another."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from fovea.kernels import algorithms, tiles
from fovea.kernels.specification import specify
from fovea.layers import ConvTranspose2D, Layer
from fovea.layers.base import Shape
from fovea.stages.base import Stage, Step, parameters_of
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan

_ALONE = (1, 1)  # no pooling behind it


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
        self.layer, self.window = layer, layer.upward(input_shape)
        self.C, self.K = layer.filters, input_shape[2]  # of the convolution that it turns about
        # Few pictures, too: its sums have another order where pictures lie side by side.
        self.lanes = tiles.lanes(self.C, self.K)
        self.shape: dict[str, Any] = {
            "window": astuple(self.window),
            "channels": self.C,
            "filters": self.K,
            "lanes": self.lanes,
            "pool": _ALONE,
            **({"groups": layer.groups} if layer.groups > 1 else {}),
        }

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        asked = self.window, self.K, self.C, self.lanes, "exact", self.layer.groups
        chosen = algorithms.inputs(*asked)
        how = {"after": "", "tile": chosen.plain_tile, **({"bias": True} if self.layer.bias else {})}
        specification = specify(chosen.operation, **self.shape, **how)
        inputs, outputs = [A_prev.seen_as(*self.input_shape)], [A.seen_as(*self.output_shape)]
        constant = parameters_of(self.layer, plan.network.parameters)
        return [plan.call(specification, inputs, constant, outputs=outputs, choice=chosen)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        asked = self.window, self.K, self.C
        more = self.lanes, self.layer.precision or plan.network.precision, self.layer.groups
        H, W, C = self.output_shape
        rows = dA.seen_as(H, W * C)
        weights = parameters_of(self.layer, plan.network.parameters)[0]
        dweights, *db = parameters_of(self.layer, plan.gradient_views)
        chosen = algorithms.weights(*asked, *more)
        specification = specify(chosen.operation, **self.shape, after="", bias=False, tile=chosen.plain_tile)
        inputs = [rows, A_prev.seen_as(*self.input_shape)]
        steps: list[Step] = [
            plan.call(specification, inputs, gradients=[chosen.view(dweights)], choice=chosen)
        ]
        if db:
            size = {"output": (H, W), "channels": C, "lanes": self.lanes, "vector": tiles.vector()}
            specification = specify("bias.gradient", **size)
            steps.append(plan.call(specification, [dA.seen_as(H, W, C)], gradients=db))
        if dA_prev is not None:
            chosen = algorithms.forward(*asked, _ALONE, *more)
            how = {"bias": False, "activation": "", "noted": False, "tile": chosen.plain_tile}
            specification = specify(chosen.operation, **self.shape, **how)
            outputs = [dA_prev.seen_as(*self.input_shape)]
            constant = [chosen.view(weights)]
            steps.append(plan.call(specification, [rows], constant, outputs=outputs, choice=chosen))
        return steps

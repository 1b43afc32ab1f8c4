"""Convolutions, with what follows them while their output is still in registers."""

from collections.abc import Sequence
from ctypes import c_float
from typing import TYPE_CHECKING

import numpy as np

from fovea.kernels import algorithms, tiles
from fovea.kernels.problem import ConvProblem
from fovea.kernels.specification import specify
from fovea.layers import BatchNorm, Conv2D, Layer, MaxPool2D
from fovea.layers.base import Shape
from fovea.stages.activation import Along
from fovea.stages.base import NHWC, Stage, Step, follows, parameters_of, scale_of
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan

_WINDOW = 4  # a pooling window of more positions would not leave registers for the sums


class ConvStage(Stage):
    """Convolution, then perhaps an activation, then perhaps max-pooling with windows side by side.

    Which algorithm computes each pass is chosen in kernels/algorithms.py.
    """

    leads = (Conv2D,)
    adds = True
    norm: BatchNorm | None = None  # what normalises Z in a prediction

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        conv = layers[0]
        assert isinstance(conv, Conv2D)
        (H, W, C), K = input_shape, conv.filters
        lanes_of_many = tiles.lanes(K if first else C, K)
        self.lanes, self.few = NHWC if few else lanes_of_many, few
        self.direct = lanes_of_many > 1  # then few pictures are, too, so that they get the same bits
        self.rows = H, W * C  # the input as kernels see it
        self.along = Along(layers)
        pool = layers[-1]
        self.pooled = isinstance(pool, MaxPool2D)
        size = pool.window(conv.output_shape(input_shape)).size if isinstance(pool, MaxPool2D) else (1, 1)
        self.problem = ConvProblem(conv.window(input_shape), C, K, conv.groups, size, self.lanes)
        self.after = "+".join(filter(None, (self.along.name, "pool" if self.pooled else "")))
        self.bias = conv.bias
        self.reads = ("A_prev", "A") if self.along.kept == "A" and not self.pooled else ("A_prev",)
        # Which position of its window won, or what the activation's backward pass is computed from.
        self.notes = np.uint8 if self.pooled else np.float32 if self.along.kept == "Z" else None

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        along, conv = Along(layers), layers[0]
        assert isinstance(conv, Conv2D)
        count = 1 + along.layers
        can_pool = conv.groups == 1 and along.gate and follows(MaxPool2D, layers, count)
        return count + (can_pool and cls._can_pool(layers, input_shape, count))

    @staticmethod
    def _can_pool(layers: Sequence[Layer], input_shape: Shape, place: int) -> bool:
        pool = layers[place].window(layers[0].output_shape(input_shape))
        assert pool is not None
        side_by_side = pool.size == pool.stride and pool.dilation == (1, 1) and not any(pool.pads)
        return side_by_side and 1 < pool.size[0] * pool.size[1] <= _WINDOW

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        outputs = [A.seen_as(*self.output_shape)]
        if self.noted is not None:
            outputs.append(self.noted.seen_as(*self.output_shape))
        precision, few = self._precision(plan), self.few
        chosen = algorithms.forward(self.problem, precision, few=few, constant=plan.constant)
        weights, *b = parameters_of(self.layers[0], plan.network.parameters)
        ready = chosen.ready() if plan.constant else None
        if ready is None:
            weights = chosen.view(weights)
        else:
            specification, weights = specify(ready.operation, **ready.arguments), weights.reshape(ready.takes)
            weights = plan.made_once(specification, weights, ready.shape)
        specification = specify(
            chosen.operation,
            **chosen.arguments,
            **({"normalised": True, "add": bool(self.beside)} if self.norm else {}),
            bias=self.bias,
            activation=self.along.name,
            noted=self.noted is not None,
            **({"ready": True} if ready else {}),
        )
        rows = [
            A_prev.seen_as(*self.rows),
            *(S.seen_as(*self.output_shape) for S in self.beside),
        ]
        constant, numbers = [weights, *b], []
        if self.norm is not None:
            constant += scale_of(self.norm, plan)
            numbers = [c_float(self.norm.epsilon)]
        return [plan.call(specification, rows, constant, numbers, outputs=outputs, choice=chosen)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        W, dW = plan.network.parameters, plan.gradient_views
        weights, (dweights, *db) = parameters_of(self.layers[0], W)[0], parameters_of(self.layers[0], dW)
        upstream = [dA.seen_as(*self.output_shape)]
        if self.noted is not None:
            upstream.append(self.noted.seen_as(*self.output_shape))
        elif self.along.name:
            upstream.append(A.seen_as(*self.output_shape))
        chosen = algorithms.weights(self.problem, self._precision(plan))
        specification = specify(chosen.operation, **chosen.arguments, after=self.after, bias=self.bias)
        rows = A_prev.seen_as(*self.rows)
        gradients = [chosen.view(dweights), *db]
        steps: list[Step] = [plan.call(specification, [rows, *upstream], gradients=gradients, choice=chosen)]
        if dA_prev is not None:
            chosen = algorithms.inputs(self.problem, self._precision(plan))
            begun = [array.seen_as(*self.input_shape) for array in self.begun if array]
            how = {"after": self.after, "begun": bool(begun)}
            specification = specify(chosen.operation, **chosen.arguments, **how)
            arrays, outputs = [*upstream, *begun], [dA_prev.seen_as(*self.input_shape)]
            steps.append(plan.call(specification, arrays, [weights], outputs=outputs, choice=chosen))
        return steps

    def _precision(self, plan: "Plan") -> str:
        conv = self.layers[0]
        assert isinstance(conv, Conv2D)
        return "alike" if self.direct else conv.precision or plan.network.precision

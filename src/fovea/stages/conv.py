"""Convolutions, with what follows them while their output is still in registers."""

from collections.abc import Sequence
from ctypes import c_float
from typing import TYPE_CHECKING

import numpy as np

from fovea.kernels import algorithms, tiles
from fovea.kernels.problem import ConvProblem
from fovea.layers import BatchNorm, Conv2D, Layer, MaxPool2D
from fovea.layers.base import Shape
from fovea.stages.activation import Along
from fovea.stages.base import NHWC, Stage, Step, follows, parameters_of, scale_of
from fovea.stages.calls import Array, Input

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
        precision, few = self._precision(plan), self.few
        chosen = algorithms.forward(self.problem, precision, small_batch=few, constant=plan.constant)
        W, b = parameters_of(self.layers[0], plan.network.parameters)
        prepacked = chosen.prepacked() if plan.constant else None
        inputs: dict[str, Input | None] = {"A_prev": A_prev.seen_as(*self.rows)}
        if self.beside:
            inputs["S"] = self.beside[0].seen_as(*self.output_shape)
        inputs |= {"W": plan.made_once(W, prepacked) if prepacked else chosen.view(W), "b": b}
        if self.norm is not None:
            inputs |= {**scale_of(self.norm, plan), "epsilon": c_float(self.norm.epsilon)}
        shape, noted = self.output_shape, self.noted
        outputs = {"A": A.seen_as(*shape), "saved": noted and noted.seen_as(*shape)}
        how = {"bias": b is not None, "activation": self.along.name, "saved": noted is not None}
        how |= {"normalised": True, "add": bool(self.beside)} if self.norm else {}
        how |= {"prepacked": True} if prepacked else {}
        return [plan.call(chosen.operation, inputs, outputs, choice=chosen, **chosen.arguments, **how)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        shape, memory = self.output_shape, self.noted or (A if self.along.name else None)
        upstream = {"dA": dA.seen_as(*shape), "memory": memory and memory.seen_as(*shape)}
        chosen = algorithms.weights(self.problem, self._precision(plan))
        dW, db = parameters_of(self.layers[0], plan.gradient_views)
        inputs = {"A_prev": A_prev.seen_as(*self.rows), **upstream}
        outputs = {"dW": chosen.view(dW), "db": db}
        how = {"choice": chosen, **chosen.arguments, "after": self.after, "bias": db is not None}
        steps: list[Step] = [plan.call(chosen.operation, inputs, outputs, **how)]
        if dA_prev is not None:
            chosen = algorithms.inputs(self.problem, self._precision(plan))
            (begun,) = self.begun
            W = parameters_of(self.layers[0], plan.network.parameters)[0]
            inputs = {**upstream, "accumulated": begun and begun.seen_as(*self.input_shape), "W": W}
            outputs = {"dA_prev": dA_prev.seen_as(*self.input_shape)}
            how = {
                "choice": chosen,
                **chosen.arguments,
                "after": self.after,
                "accumulated": begun is not None,
            }
            steps.append(plan.call(chosen.operation, inputs, outputs, **how))
        return steps

    def _precision(self, plan: "Plan") -> str:
        conv = self.layers[0]
        assert isinstance(conv, Conv2D)
        return "alike" if self.direct else conv.precision or plan.network.precision

"""Convolutions, with the layers behind them that a kernel computes while its sums are still in registers."""

from collections.abc import Sequence
from ctypes import c_float
from dataclasses import astuple, replace

import numpy as np

from fovea.kernels import algorithms, tiles
from fovea.kernels.problem import ConvProblem
from fovea.layers import BatchNorm, Conv2D, Layer, MaxPool2D
from fovea.layers.base import Shape
from fovea.stages.activation import FusedActivation
from fovea.stages.base import NHWC, Arrays, Gradients, Passes, Site, Stage, Step, follows
from fovea.stages.calls import Input
from fovea.stages.context import Context

_WINDOW = 4  # a pooling window of more positions would not leave registers for the sums


class ConvStage(Stage):
    """Convolution, then perhaps an activation, then perhaps max-pooling without overlap.

    kernels/algorithms.py chooses the algorithm of each pass.
    """

    starts_with = (Conv2D,)
    adds = True
    norm: BatchNorm | None = None  # fused in predictions

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        conv, pool = self.layers[0], self.layers[-1]
        assert isinstance(conv, Conv2D)
        (H, W, C), K = self.input_shape, conv.filters
        lanes = tiles.lanes(C if site.needs_dA else K, K)
        self.conv, self.small_batch = conv, site.small_batch
        self.lanes = NHWC if site.small_batch else lanes
        # A small batch has its pictures one by one, but sums in the order of a large one, for the same bits.
        self.direct = lanes > 1
        self.rows = H, W * C  # the kernels' view of the input
        self.activation = FusedActivation(self.layers)
        self.pooled = isinstance(pool, MaxPool2D)
        pooling = pool.window(conv.output_shape(self.input_shape)) if self.pooled else None
        size = pooling.size if pooling else (1, 1)
        self.window = conv.window(self.input_shape)
        self.problem = ConvProblem(self.window, C, K, conv.groups, size, self.lanes)
        if self.window.mirror:  # its gradient is first that of the padded input
            self.scratch = (*self.window.padded.input, C)
        self.after = "+".join(filter(None, (self.activation.name, "pool" if self.pooled else "")))
        A_prev = () if conv.frozen else ("A_prev",)
        self.reads = (*A_prev, "A") if self.activation.source == "A" and not self.pooled else A_prev
        # The position in its window of each maximum, or Z.
        self.saves = np.uint8 if self.pooled else np.float32 if self.activation.source == "Z" else None

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        activation, conv = FusedActivation(layers), layers[0]
        assert isinstance(conv, Conv2D)
        count = 1 + activation.count
        can_pool = conv.groups == 1 and activation.gate and follows(MaxPool2D, layers, count)
        return count + (can_pool and cls._can_pool(layers, input_shape, count))

    @staticmethod
    def _can_pool(layers: Sequence[Layer], input_shape: Shape, place: int) -> bool:
        pool = layers[place].window(layers[0].output_shape(input_shape))
        assert pool is not None
        no_overlap = pool.size == pool.stride and pool.dilation == (1, 1) and not any(pool.pads)
        return no_overlap and 1 < pool.size[0] * pool.size[1] <= _WINDOW

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        precision, shape, saved = self._precision(context), self.output_shape, arrays.saved
        choice = algorithms.forward(self.problem, precision, **self._how(context))
        parameters = context.parameters[self.conv.name]
        W, b = parameters["W"], parameters.get("b")
        prepacked = choice.prepacked() if context.constant else None
        inputs: dict[str, Input | None] = {"A_prev": arrays.A_prev.seen_as(*self.rows)}
        for shortcut in arrays.other_inputs:
            inputs["S"] = shortcut.seen_as(*shape)
        inputs |= {"W": context.precompute(W, prepacked) if prepacked else choice.view(W), "b": b}
        if self.norm is not None:
            name, epsilon = self.norm.name, c_float(self.norm.epsilon)
            inputs |= {**context.statistics[name], **context.parameters[name], "epsilon": epsilon}
        outputs = {"A": arrays.A.seen_as(*shape), "saved": saved and saved.seen_as(*shape)}
        options = {"bias": b is not None, "activation": self.activation.name, "saved": saved is not None}
        options |= {"normalised": True, "add": bool(arrays.other_inputs)} if self.norm else {}
        options |= {"prepacked": True} if prepacked else {}
        return [context.call(choice, inputs, outputs, **options)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        precision, passes, shape = self._precision(context), Passes(), self.output_shape
        C = self.input_shape[2]
        memory = arrays.saved or (arrays.A if self.activation.name else None)
        upstream = {"dA": gradients.dA.seen_as(*shape), "memory": memory and memory.seen_as(*shape)}
        if not self.conv.frozen:
            choice = algorithms.weights(self.problem, precision)
            of_parameters = context.gradients[self.conv.name]
            inputs = {"A_prev": arrays.A_prev.seen_as(*self.rows), **upstream}
            outputs = {"dW": choice.view(of_parameters["W"]), "db": of_parameters.get("b")}
            options = {"after": self.after, "bias": "b" in of_parameters}
            passes["dW"] = [context.call(choice, inputs, outputs, **options)]
        if gradients.dA_prev is not None:
            padded = gradients.scratch
            problem = self.problem if padded is None else self.problem.padded()
            choice = algorithms.inputs(problem, precision, **self._how(context))
            W = context.parameters[self.conv.name]["W"]
            prepacked = choice.prepacked() if context.constant else None
            (accumulated,) = gradients.accumulated
            so_far = accumulated and accumulated.seen_as(*self.input_shape)
            adds = {"accumulated": so_far is not None}
            target = {"dA_prev": gradients.dA_prev.seen_as(*self.input_shape)}
            inputs = {**upstream, "W": context.precompute(W, prepacked) if prepacked else W}
            options = {"after": self.after} | ({"prepacked": True} if prepacked else {})
            if padded is None:
                inputs["accumulated"] = so_far
                passes["dA"] = [context.call(choice, inputs, target, **options, **adds)]
            else:
                dP = padded.seen_as(*problem.window.input, C)
                size, numbers = context.size(*self.window.input)
                border = {"dP": dP, "accumulated": so_far, **numbers}
                window = astuple(replace(self.window, input=size))
                shape = {"window": window, "channels": C, "lanes": self.lanes, "vector": tiles.vector()}
                passes["dA"] = [
                    context.call(choice, inputs, {"dA_prev": dP}, **options, accumulated=False),
                    context.call("mirror.gradient", border, target, **shape, **adds),
                ]
        return passes

    def _how(self, context: Context) -> dict[str, bool]:
        """The circumstances that kernels are chosen by."""
        how = {"constant": context.constant, "any_size": context.any_size}
        return {"small_batch": self.small_batch, **how}

    def _precision(self, context: Context) -> str:
        return "alike" if self.direct else self.conv.precision or context.network.precision

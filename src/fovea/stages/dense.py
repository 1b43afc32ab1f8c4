"""Fully connected layers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fovea.kernels import tiles
from fovea.layers import Dense, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import Along
from fovea.stages.base import NHWC, Stage, Step, parameters_of
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class DenseStage(Stage):
    """A fully connected layer, then perhaps an activation; with pictures side by side unless they are few."""

    leads = (Dense,)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        dense = layers[0]
        assert isinstance(dense, Dense)
        self.lanes, self.along = NHWC if few else tiles.vector(), Along(layers)
        self.why = "few pictures, one by one" if few else ""
        self.reads = ("A_prev", "A") if self.along.kept == "A" else ("A_prev",)
        self.notes = np.float32 if self.along.kept == "Z" else None
        (self.n_in,), (self.n_out,) = input_shape, self.output_shape
        self.shape = {"n_in": self.n_in, "n_out": self.n_out, "lanes": self.lanes}

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        return 1 + Along(layers).layers

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        W, b = parameters_of(self.layers[0], plan.network.parameters)
        inputs = {"A_prev": A_prev.seen_as(self.n_in), "W": W, "b": b}
        outputs = {"A": A.seen_as(self.n_out), "saved": self.noted and self.noted.seen_as(self.n_out)}
        how = {"activation": self.along.name, "saved": self.noted is not None, "bias": b is not None}
        how |= {"tile": tiles.dense(self.n_out), "vector": tiles.vector()}
        return [plan.call("dense.forward", inputs, outputs, **self.shape, **how)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        kept = A if self.along.kept == "A" else self.noted
        upstream = {"dA": dA.seen_as(1, 1, self.n_out), "memory": kept and kept.seen_as(1, 1, self.n_out)}
        how = {**self.shape, "after": self.along.name, "tile": tiles.dense(self.n_in)}
        dW, db = parameters_of(self.layers[0], plan.gradient_views)
        inputs, outputs = {"A_prev": A_prev.seen_as(self.n_in), **upstream}, {"dW": dW, "db": db}
        more = {"bias": db is not None, "vector": tiles.vector()}
        steps: list[Step] = [plan.call("dense.weights", inputs, outputs, **how, **more)]
        if dA_prev is not None:
            W = parameters_of(self.layers[0], plan.network.parameters)[0]
            outputs = {"dA_prev": dA_prev.seen_as(self.n_in)}
            steps.append(plan.call("dense.inputs", {**upstream, "W": W}, outputs, **how))
        return steps

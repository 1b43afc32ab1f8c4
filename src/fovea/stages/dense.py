"""Fully connected layers."""

from collections.abc import Sequence

import numpy as np

from fovea.kernels import tiles
from fovea.layers import Dense, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import FusedActivation
from fovea.stages.base import NHWC, Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context


class DenseStage(Stage):
    """A fully connected layer, then perhaps an activation; pictures lie side by side except in small
    batches."""

    starts_with = (Dense,)

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.dense = self.layers[0]
        self.lanes, self.activation = (
            NHWC if site.small_batch else tiles.vector(),
            FusedActivation(self.layers),
        )
        self.why = "few pictures, one by one" if site.small_batch else ""
        self.reads = ("A_prev", "A") if self.activation.source == "A" else ("A_prev",)
        self.saves = np.float32 if self.activation.source == "Z" else None
        (self.n_in,), (self.n_out,) = self.input_shape, self.output_shape
        self.shape = {"n_in": self.n_in, "n_out": self.n_out, "lanes": self.lanes}

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        return 1 + FusedActivation(layers).count

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        parameters, saved = context.parameters[self.dense.name], arrays.saved
        inputs = {"A_prev": arrays.A_prev.seen_as(self.n_in), **parameters}
        outputs = {"A": arrays.A.seen_as(self.n_out), "saved": saved and saved.seen_as(self.n_out)}
        options = {"activation": self.activation.name, "saved": saved is not None, "bias": "b" in parameters}
        options |= {"tile": tiles.dense(self.n_out), "vector": tiles.vector()}
        return [context.call("dense.forward", inputs, outputs, **self.shape, **options)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        passes, dA = Passes(), gradients.dA
        memory = arrays.A if self.activation.source == "A" else arrays.saved
        upstream = {"dA": dA.seen_as(1, 1, self.n_out), "memory": memory and memory.seen_as(1, 1, self.n_out)}
        options = {**self.shape, "after": self.activation.name, "tile": tiles.dense(self.n_in)}
        if not self.dense.frozen:
            inputs = {"A_prev": arrays.A_prev.seen_as(self.n_in), **upstream}
            outputs = {f"d{name}": array for name, array in context.gradients[self.dense.name].items()}
            more = {"bias": "db" in outputs, "vector": tiles.vector()}
            passes["dW"] = [context.call("dense.weights", inputs, outputs, **options, **more)]
        if gradients.dA_prev is not None:
            inputs = {**upstream, "W": context.parameters[self.dense.name]["W"]}
            outputs = {"dA_prev": gradients.dA_prev.seen_as(self.n_in)}
            passes["dA"] = [context.call("dense.inputs", inputs, outputs, **options)]
        return passes

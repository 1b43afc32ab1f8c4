"""Batch normalisation."""

from collections.abc import Sequence
from ctypes import c_float, c_int32
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fovea.kernels import buffers, tiles
from fovea.kernels.affine import neutral
from fovea.layers import Add, Affine, BatchNorm, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import Along
from fovea.stages.base import Stage, Step, follows, scale_of
from fovea.stages.calls import Array, View

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class NormStage(Stage):
    """Batch normalisation, then perhaps a sum, with what comes along a shortcut, then perhaps an activation:
    with the batch's statistics in a step of training; with the running ones in a prediction, or where
    the layer is frozen."""

    leads = (BatchNorm,)
    adds = in_place = True
    why = "in training, a batch's statistics come before the normalisation"

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        layer = layers[0]
        self.layer = layer
        add = follows(Add, layers, 1)
        self.along = Along(layers[add:])
        # What the activation needs follows from Z alone, unless a sum came before, or it asks for A.
        reads_A = self.along.name and (add or (not self.along.gate and self.along.kept == "A"))
        self.reads = ("A_prev", "A") if reads_A else ("A_prev",)
        self.back = {
            "activation": self.along.name,
            "kept": "A" if reads_A else "Z" if self.along.name else "",
        }
        self.C, self.pixels = input_shape[-1], prod(input_shape[:-1])
        self.shape = {
            "channels": self.C, "pixels": self.pixels, "lanes": lanes, "vector": tiles.vector()
        }  # fmt: skip
        self.mean, self.variance = (buffers.zeros((self.C,)) for _ in "ab")  # the batch's
        norm = layer if isinstance(layer, BatchNorm) else None
        self.epsilon, self.momentum = (c_float(getattr(norm, name, 0)) for name in ("epsilon", "momentum"))
        self.of_batch = norm is not None and not norm.frozen  # whether it normalises by the batch in training

    def scale(self, plan: "Plan") -> dict[str, np.ndarray]:
        """Mean, variance, gamma and beta in a prediction."""
        return scale_of(self.layer, plan)

    def gradients(self, plan: "Plan") -> dict[str, np.ndarray]:
        """Where those of gamma and beta are written."""
        views = plan.gradient_views
        return {f"d{name}": views[f"{self.layer.name}.{name}"] for name in ("gamma", "beta")}

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        add = follows(Add, layers, 1)
        along = Along(layers[add:])
        return 1 + add + (0 if add and along.kept == "Z" and not along.gate else along.layers)

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        how = {**self.shape, "activation": self.along.name, "add": len(self.beside)}
        Z, scale = self._seen(A_prev), self.scale(plan)
        inputs = {"Z": Z, **{f"S_{k}": self._seen(array) for k, array in enumerate(self.beside)}}
        inputs |= {**scale, "epsilon": self.epsilon}
        outputs = {"A": self._seen(A)}
        predict = plan.call("normalization.normalise", inputs, outputs, **how)
        if not plan.training or not self.of_batch:
            return [predict]
        own = {"mean": self.mean, "variance": self.variance}
        train = plan.call("normalization.normalise", {**inputs, **own}, outputs, **how)
        running = {f"running_{name}": scale[name] for name in own}
        given = {"Z": Z, **running, **self._count(plan), "momentum": self.momentum}
        results = {**own, **running}
        learn = plan.call("normalization.statistics", given, results, **self.shape, running=True)

        def normalise() -> None:
            if plan.in_step:
                self.layer.check_batch(plan.count.value, self.input_shape)
                learn()
                train()
            else:
                predict()

        return [normalise]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        gradients, scale, how = self.gradients(plan), self.scale(plan), {**self.shape, **self.back}
        if self.of_batch:
            scale |= {"mean": self.mean, "variance": self.variance}
        kept = {"A": self._seen(A)} if "A" in self.reads else {}
        given = {"dA": self._seen(dA), **kept, "Z": self._seen(A_prev)}
        rest = {**scale, "epsilon": self.epsilon, **self._count(plan)}
        steps: list[Step] = []
        if not self.layer.frozen:
            steps.append(plan.call("normalization.gradients", {**given, **rest}, gradients, **how))
        results = zip(("dZ", "dS"), (dA_prev, *self.dbeside), self.begun, strict=False)
        wanted = [result for result in results if result[1] is not None]
        wanted.reverse()  # dZ may be in the place of dA, and comes last
        if wanted:
            gives = tuple(name + ("+" if begun else "") for name, _, begun in wanted)
            begun = {f"accumulated_{name}": self._seen(array) for name, _, array in wanted if array}
            inputs = {**given, **begun, **gradients, **rest}
            outputs = {name: self._seen(target) for name, target, _ in wanted if target}
            how |= {"gives": gives, "of_batch": self.of_batch}
            steps.append(plan.call("normalization.inputs", inputs, outputs, **how))
        return steps

    def _count(self, plan: "Plan") -> dict[str, c_int32]:
        """The number of pictures, where it is not that of the arrays."""
        return {"count": plan.count} if self.lanes > 1 else {}

    def _seen(self, array: Array) -> View:
        return array.seen_as(self.pixels, self.C)


class AffineStage(NormStage):
    """Channels scaled and shifted, then what may follow a batch normalisation: the same kernels, with mean 0,
    variance 1 and ε = 0."""

    leads = (Affine,)
    why = "what normalises, with mean 0 and variance 1"

    def scale(self, plan: "Plan") -> dict[str, np.ndarray]:
        name, parameters = self.layer.name, plan.network.parameters
        beta = parameters.get(f"{name}.beta", buffers.zeros((self.C,)))
        return {**neutral(self.C), "gamma": parameters[f"{name}.gamma"], "beta": beta}

    def gradients(self, plan: "Plan") -> dict[str, np.ndarray]:
        name, views = self.layer.name, plan.gradient_views
        return {f"d{own}": views.get(f"{name}.{own}", buffers.zeros((self.C,))) for own in ("gamma", "beta")}

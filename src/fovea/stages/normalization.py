"""Batch normalisation."""

from collections.abc import Sequence
from ctypes import c_float, c_int32
from math import prod

import numpy as np

from fovea.kernels import buffers, tiles
from fovea.kernels.affine import neutral
from fovea.layers import Add, Affine, BatchNorm, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import FusedActivation
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step, follows
from fovea.stages.calls import Array, View
from fovea.stages.context import Context


class NormStage(Stage):
    """Batch normalisation, then perhaps the sum with a shortcut, then perhaps an activation.

    In a step of training it normalises by the batch's statistics; in a prediction, or where the layer is
    frozen, by the running ones.
    """

    starts_with = (BatchNorm,)
    adds = in_place = True
    why = "in training, a batch's statistics are needed before its normalisation"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        layer = self.layers[0]
        self.layer = layer
        add = follows(Add, self.layers, 1)
        self.activation = FusedActivation(self.layers[add:])
        # The activation's backward pass recomputes its input from Z, unless a sum comes between, or it needs
        # A.
        from_A = not self.activation.gate and self.activation.source == "A"
        reads_A = bool(self.activation.name) and (add or from_A)
        self.reads = ("A_prev", "A") if reads_A else ("A_prev",)
        self.C, self.pixels = self.input_shape[-1], prod(self.input_shape[:-1])
        self.shape = {
            "channels": self.C, "pixels": self.pixels, "lanes": self.lanes, "vector": tiles.vector()
        }  # fmt: skip
        self.back = {
            **self.shape,
            "activation": self.activation.name,
            "kept": "A" if reads_A else "Z" if self.activation.name else "",
        }
        norm = layer if isinstance(layer, BatchNorm) else None
        self.batch_statistics = {name: buffers.zeros((self.C,)) for name in ("mean", "variance")}
        self.epsilon, self.momentum = (c_float(getattr(norm, name, 0)) for name in ("epsilon", "momentum"))
        self.by_batch = norm is not None and not norm.frozen  # whether it uses them in a step of training

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        add = follows(Add, layers, 1)
        activation = FusedActivation(layers[add:])
        needs_sum = add and activation.source == "Z" and not activation.gate  # which no kernel saves
        return 1 + add + (0 if needs_sum else activation.count)

    def scale(self, context: Context) -> dict[str, np.ndarray]:
        """Mean, variance, gamma and beta in a prediction."""
        return context.statistics[self.layer.name] | context.parameters[self.layer.name]

    def gradients(self, context: Context) -> dict[str, np.ndarray]:
        """The arrays for the gradients of gamma and beta."""
        return {f"d{name}": array for name, array in context.gradients[self.layer.name].items()}

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        options = {**self.shape, "activation": self.activation.name, "add": len(arrays.other_inputs)}
        Z, scale = self._seen(arrays.A_prev), self.scale(context)
        shortcuts = {f"S_{k}": self._seen(array) for k, array in enumerate(arrays.other_inputs)}
        inputs = {"Z": Z, **shortcuts, **scale, "epsilon": self.epsilon}
        outputs = {"A": self._seen(arrays.A)}
        predict = context.call("normalization.normalise", inputs, outputs, **options)
        if not context.training or not self.by_batch:
            return [predict]
        batch = self.batch_statistics
        train = context.call("normalization.normalise", {**inputs, **batch}, outputs, **options)
        running = {f"running_{name}": scale[name] for name in batch}
        inputs = {"Z": Z, **running, **self._count(context), "momentum": self.momentum}
        outputs = {**batch, **running}
        learn = context.call("normalization.statistics", inputs, outputs, **self.shape, running=True)

        def normalise() -> None:
            if context.in_step:
                self.layer.check_batch(context.count.value, self.input_shape)
                learn()
                train()
            else:
                predict()

        return [normalise]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        passes, scale = Passes(), self.scale(context)
        of_parameters = {} if self.layer.frozen else self.gradients(context)
        if self.by_batch:
            scale |= self.batch_statistics
        inputs = {
            "dA": self._seen(gradients.dA),
            **({"A": self._seen(arrays.A)} if "A" in self.reads else {}),
            "Z": self._seen(arrays.A_prev),
        }
        rest = {**scale, "epsilon": self.epsilon, **self._count(context)}
        if not self.layer.frozen:
            call = context.call("normalization.gradients", {**inputs, **rest}, of_parameters, **self.back)
            passes["dW"] = [call]
        names = ("dZ", "dS")[: len(gradients.inputs)]
        targets = list(zip(names, gradients.inputs, gradients.accumulated, strict=True))
        targets.reverse()  # dZ may overwrite dA, so it comes last
        outputs = {name: self._seen(target) for name, target, _ in targets if target}
        if outputs:
            accumulated = {name: self._seen(array) for name, _, array in targets if array}
            inputs |= {f"accumulated_{name}": view for name, view in accumulated.items()}
            options = {"gives": tuple(f"{name}+" if name in accumulated else name for name in outputs)}
            options |= {**self.back, "of_batch": self.by_batch}
            inputs |= {**(of_parameters if self.by_batch else {}), **rest}
            passes["dA"] = [context.call("normalization.inputs", inputs, outputs, **options)]
        return passes

    def _count(self, context: Context) -> dict[str, c_int32]:
        """The number of pictures, where the arrays may have room for more."""
        return {"count": context.count} if self.lanes > 1 else {}

    def _seen(self, array: Array) -> View:
        return array.seen_as(self.pixels, self.C)


class AffineStage(NormStage):
    """Channels scaled and shifted, then perhaps a sum and an activation: the kernels of batch normalisation
    with mean 0, variance 1 and ε = 0."""

    starts_with = (Affine,)
    why = "the kernels of batch normalisation, with mean 0 and variance 1"

    def scale(self, context: Context) -> dict[str, np.ndarray]:
        scale = neutral(self.C) | context.parameters[self.layer.name]
        return scale if "beta" in scale else {**scale, "beta": buffers.zeros((self.C,))}

    def gradients(self, context: Context) -> dict[str, np.ndarray]:
        gradients = super().gradients(context)
        return gradients if "dbeta" in gradients else {**gradients, "dbeta": buffers.zeros((self.C,))}

"""The loss at the end of a plan that trains: by a kernel where `KERNELS` has one for it, else in NumPy."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from ctypes import c_float
from typing import Any, ClassVar

import numpy as np

from fovea import arguments
from fovea.errors import ShapeError, mismatch
from fovea.kernels import buffers, kernel_cache, tiles
from fovea.kernels.activation import softmax_of
from fovea.kernels.call import pack
from fovea.kernels.loss import total_weight
from fovea.kernels.specification import Specification
from fovea.layers.base import Shape
from fovea.losses import CrossEntropy, Late, Loss
from fovea.network.outputs import checked_gradients, pack_outputs, unpack_outputs
from fovea.stages.base import NHWC, Step
from fovea.stages.calls import Array, Call, View
from fovea.stages.context import Context


class LossStage(ABC):
    """The loss at the end of a forward pass: Z → the loss, and dZ."""

    run: Step  # Z → dZ
    late: ClassVar[bool] = False  # whether gradients by the input are better served one by one, by `write`
    kernels: Sequence[Specification] = ()  # besides its own, those that predictions with the network run

    def __init__(
        self, context: Context, loss: Any, outputs: Sequence[Array], gradients: Sequence[Array | None]
    ) -> None:
        """The arrays of the network's outputs and of their gradients, None for one that nothing learns from;
        two outputs may share an array. Raises ShapeError if the outputs do not suit `loss`."""
        loss.check(context.network.output_shape)

    @staticmethod
    def lanes() -> int:
        """The layout of Z and dZ."""
        return NHWC

    @abstractmethod
    def set_targets(self, targets: Any, count: int) -> None:
        """The targets of a batch of `count` pictures. Raises ShapeError if they do not suit the loss."""

    def write(self, gradient: Array) -> None:
        """Write one of `gradients`, if the loss is `late`, after `run`, which then writes none."""
        raise NotImplementedError

    @abstractmethod
    def result(self, count: int) -> tuple[float, dict[str, float]]:
        """The loss, and its sums."""


class NumPyLoss(LossStage):
    """Any `Loss`, called on the outputs as arrays (N, …)."""

    late = True

    def __init__(
        self, context: Context, loss: Loss, outputs: Sequence[Array], gradients: Sequence[Array | None]
    ) -> None:
        super().__init__(context, loss, outputs, gradients)
        self._context, self._loss, self._names = context, loss, context.network.outputs
        self._shapes: list[Shape] = unpack_outputs(self._names, context.network.output_shape)
        self._outputs, self._gradients = outputs, gradients
        self._who = f"loss {type(loss).__name__}"

    def set_targets(self, targets: Any, count: int) -> None:
        self._targets = targets

    def run(self) -> None:
        outputs = self._seen(self._outputs)
        Z = pack_outputs(self._names, outputs)
        self._value, dZ = self._loss(Z, self._targets)
        self._sums = self._loss.sums(Z, self._targets)
        if self._names:
            dZ = checked_gradients(dZ, dict(zip(self._names, self._shapes, strict=True)), self._who)
        self._dZ = [dZ.get(name) for name in self._names] if self._names else [np.asarray(dZ)]
        for gradient, of_output in zip(self._dZ, outputs, strict=True):
            if gradient is not None and gradient.shape != of_output.shape:
                raise ShapeError(mismatch(self._who, f"dZ {of_output.shape}", gradient.shape))
        if not self._context.by_input:
            for target in {id(target): target for target in self._gradients if target}.values():
                self.write(target)

    def write(self, gradient: Array) -> None:
        parts = zip(self._dZ, self._seen(self._gradients), self._gradients, strict=True)
        first, *others = [(part, array) for part, array, target in parts if target is gradient]
        part, array = first
        if isinstance(part, Late):
            part.write(array)
        else:
            array[...] = 0 if part is None else part
        for part, _ in others:
            if part is not None:
                array += (part.array() if isinstance(part, Late) else part).reshape(array.shape)

    def _seen(self, arrays: Sequence[Array | None]) -> list[Any]:
        """Arrays of outputs, or of their gradients, as (N, …)."""
        count = self._context.count.value
        return [
            array and array.pictures(count).reshape(count, *shape)
            for array, shape in zip(arrays, self._shapes, strict=True)
        ]

    def result(self, count: int) -> tuple[float, dict[str, float]]:
        self._dZ = []
        return float(self._value), self._sums


class CrossEntropyLoss(LossStage):
    """Softmax and cross-entropy by a kernel, which also writes each picture's loss and hit."""

    def __init__(
        self,
        context: Context,
        loss: CrossEntropy,
        outputs: Sequence[Array],
        gradients: Sequence[Array | None],
    ) -> None:
        super().__init__(context, loss, outputs, gradients)
        (Z,), (dZ,), (classes,) = outputs, gradients, context.network.output_shape
        assert dZ is not None
        L, groups = tiles.vector(), len(Z.values)
        self._context, self._classes, self._weights = context, classes, loss.weights
        w = buffers.aligned(np.ones(classes, np.float32) if loss.weights is None else loss.weights)
        self._scale = c_float(0.0)
        self._constant = {"w": w, "smoothing": c_float(loss.smoothing), "scale": self._scale}
        self._losses, self._hits = buffers.zeros((groups, L)), buffers.zeros((groups, L), np.int32)
        self._outputs = {
            "dZ": dZ.seen_as(classes),
            "losses": View(self._losses, L),
            "hits": View(self._hits, L),
        }
        self._logits, self._labels = Z.seen_as(classes), buffers.empty((groups, L), np.int32)
        self._hard = self._call(self._labels, soft=False)
        self._soft: Call | None = None  # prepared at its first use
        self.run = self._hard
        self.kernels = (softmax_of(classes),)

    @staticmethod
    def lanes() -> int:
        return tiles.vector()

    def set_targets(self, targets: np.ndarray, count: int) -> None:
        arguments.targets(targets, count, self._classes, "plan")
        self._total = total_weight(targets, self._weights)
        self._scale.value = 1 / self._total if self._total else 0.0
        if targets.ndim == 2:
            self.run = self._soft or self._prepare_soft()
            rows = pack(targets.astype(np.float32, copy=False))
            self._shares[: len(rows)] = rows
            return
        self.run, flat = self._hard, self._labels.reshape(-1)
        flat[: len(targets)] = targets
        flat[len(targets) :] = -1  # the last group's empty places

    def result(self, count: int) -> tuple[float, dict[str, float]]:
        losses, hits = self._losses.reshape(-1)[:count], self._hits.reshape(-1)[:count]
        return float(losses.sum(dtype=np.float64)) / (self._total or 1.0), {"top1": int(hits.sum())}

    def _prepare_soft(self) -> Call:
        groups, L = self._labels.shape
        self._shares = buffers.zeros((groups, self._classes, L))
        self._soft = self._call(self._shares, soft=True)
        self._soft.kernel = kernel_cache.get(self._soft.specification)
        self._soft.resize(self._context.count.value)
        return self._soft

    def _call(self, targets: np.ndarray, soft: bool) -> Call:
        L = tiles.vector()
        inputs = {"Z": self._logits, "targets": View(targets, L), **self._constant}
        options = {"classes": self._classes, "lanes": L, "soft": soft}
        return self._context.call("classes.cross_entropy", inputs, self._outputs, **options)


KERNELS: dict[type[Loss], type[LossStage]] = {CrossEntropy: CrossEntropyLoss}


def stage_of(loss: Loss) -> type[LossStage]:
    """The stage of `loss`. Subclasses of a loss may compute anything, so they run in NumPy."""
    return KERNELS.get(type(loss), NumPyLoss)

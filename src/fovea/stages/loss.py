"""The loss at the end of a plan that trains."""

from ctypes import c_float
from typing import TYPE_CHECKING

import numpy as np

from fovea import arguments
from fovea.kernels import buffers, compiler, tiles
from fovea.kernels.call import pack
from fovea.kernels.loss import total_weight
from fovea.kernels.specification import specify
from fovea.losses import CrossEntropy
from fovea.stages.calls import Array, Call, View

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class LossStage:
    """Softmax and cross-entropy: the logits in, their gradient out, and each picture's loss and hit."""

    def __init__(self, plan: "Plan", loss: CrossEntropy, classes: int, Z: Array, dZ: Array) -> None:
        loss.check(classes)
        L, groups = tiles.vector(), len(Z.values)
        self._plan, self._classes, self._weights = plan, classes, loss.weights
        self._constant = [
            buffers.ready(np.ones(classes, np.float32) if loss.weights is None else loss.weights)
        ]
        self._numbers = [c_float(loss.smoothing), c_float(0.0)]
        self._losses, self._hits = buffers.zeros((groups, L)), buffers.zeros((groups, L), np.int32)
        self._outputs = [dZ.seen_as(classes), View(self._losses, L), View(self._hits, L)]
        self._logits, self._labels = Z.seen_as(classes), buffers.empty((groups, L), np.int32)
        self._hard = self._call(self._labels, soft=False)
        self._soft: Call | None = None  # prepared when it is first wanted
        self.run = self._hard

    def set_labels(self, labels: np.ndarray, count: int) -> None:
        """Labels (N,), or shares (N, classes), of `count` pictures; ShapeError for others."""
        arguments.targets(labels, count, self._classes, "plan")
        self._total = total_weight(labels, self._weights)
        self._numbers[1].value = 1 / self._total if self._total else 0.0
        if labels.ndim == 2:
            self.run = self._soft or self._prepare_soft()
            rows = pack(labels.astype(np.float32, copy=False))
            self._shares[: len(rows)] = rows
            return
        self.run, flat = self._hard, self._labels.reshape(-1)
        flat[: len(labels)] = labels
        flat[len(labels) :] = -1  # the last group's empty places

    def result(self, count: int) -> tuple[float, int]:
        """The loss, and how many of the pictures were right."""
        losses, hits = self._losses.reshape(-1)[:count], self._hits.reshape(-1)[:count]
        return float(losses.sum(dtype=np.float64)) / (self._total or 1.0), int(hits.sum())

    def _prepare_soft(self) -> Call:
        groups, L = self._labels.shape
        self._shares = buffers.zeros((groups, self._classes, L))
        self._soft = self._call(self._shares, soft=True)
        self._soft.kernel = compiler.get(self._soft.specification)
        self._soft.resize(self._plan.count.value)
        return self._soft

    def _call(self, targets: np.ndarray, soft: bool) -> Call:
        L = tiles.vector()
        specification = specify("classes.cross_entropy", classes=self._classes, lanes=L, soft=soft)
        inputs = [self._logits, View(targets, L)]
        return self._plan.call(specification, inputs, self._constant, self._numbers, outputs=self._outputs)

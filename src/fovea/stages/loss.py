"""The loss at the end of a plan that trains."""

from typing import TYPE_CHECKING

import numpy as np

from fovea.kernels import buffers, tiles
from fovea.kernels.specification import specify
from fovea.stages.calls import Array, View

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


class LossStage:
    """Softmax and cross-entropy: the logits in, their gradient out, and each picture's loss and hit."""

    def __init__(self, plan: "Plan", classes: int, Z: Array, dZ: Array) -> None:
        L, groups = tiles.vector(), len(Z.values)
        self._labels = buffers.empty((groups, L), np.int32)
        self._losses, self._hits = buffers.zeros((groups, L)), buffers.zeros((groups, L), np.int32)
        outputs = [dZ.seen_as(classes), View(self._losses, L), View(self._hits, L)]
        inputs = [Z.seen_as(classes), View(self._labels, L)]
        specification = specify("classes.cross_entropy", classes=classes, lanes=L)
        self.run = plan.call(specification, inputs, numbers=[plan.inverse_count], outputs=outputs)

    def set_labels(self, labels: np.ndarray) -> None:
        flat = self._labels.reshape(-1)
        flat[: len(labels)] = labels
        flat[len(labels) :] = -1  # the last group's empty places

    def result(self, count: int, labelled: int) -> tuple[float, int]:
        """The mean loss over the labelled pictures, and how many of them were right."""
        losses, hits = self._losses.reshape(-1)[:count], self._hits.reshape(-1)[:count]
        return float(losses.sum(dtype=np.float64)) / max(labelled, 1), int(hits.sum())

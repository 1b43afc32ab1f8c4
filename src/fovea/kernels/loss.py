"""The loss over classes; the pipeline is in pipelines/classes.py."""

import ctypes

import numpy as np

from fovea import checks, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import pack, run, unpack


def softmax_cross_entropy(Z, labels) -> float:
    """As `fovea.reference.softmax_cross_entropy`."""
    checks.labels(Z, labels)
    checks.float32("softmax_cross_entropy", Z=Z)
    count = int((labels >= 0).sum())
    if not count:
        return 0.0
    return float(_cross_entropy(Z, labels, count)[1].sum(dtype=np.float64)) / count


def softmax_cross_entropy_backward(Z, labels) -> np.ndarray:
    """As `fovea.reference.softmax_cross_entropy_backward`."""
    checks.labels(Z, labels, who="softmax_cross_entropy_backward")
    checks.float32("softmax_cross_entropy_backward", Z=Z)
    count = int((labels >= 0).sum())
    if not count:
        return reference.softmax_cross_entropy_backward(Z, labels)
    return unpack(_cross_entropy(Z, labels, count)[0], len(Z))


def _cross_entropy(Z, labels, count: int) -> tuple[np.ndarray, np.ndarray]:
    L, classes = tiles.vector(), Z.shape[1]
    packed = pack(Z)
    groups = len(packed)
    known = buffers.empty((groups, L), np.int32)
    known.reshape(-1)[:] = -1  # also for the last group's empty places
    known.reshape(-1)[: len(Z)] = labels
    dZ, losses, hits = (
        buffers.empty(packed.shape),
        buffers.empty((groups, L)),
        buffers.empty((groups, L), np.int32),
    )
    scale = ctypes.c_float(1 / count)
    run("classes.cross_entropy", [packed, known], [dZ, losses, hits], [scale], classes=classes, lanes=L)
    return dZ, losses

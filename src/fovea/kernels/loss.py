"""The loss over classes; the pipeline is in pipelines/classes.py."""

import ctypes

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import pack, run, unpack


def softmax_cross_entropy(Z, labels, *, smoothing: float = 0.0, weights=None) -> float:
    """As `fovea.reference.softmax_cross_entropy`."""
    arguments.loss(Z, labels, smoothing, weights)
    arguments.float32("softmax_cross_entropy", Z=Z)
    M = total_weight(labels, weights)
    if not M:
        return 0.0
    return float(_cross_entropy(Z, labels, smoothing, weights, M)[1].sum(dtype=np.float64)) / M


def softmax_cross_entropy_backward(Z, labels, *, smoothing: float = 0.0, weights=None) -> np.ndarray:
    """As `fovea.reference.softmax_cross_entropy_backward`."""
    arguments.loss(Z, labels, smoothing, weights, who="softmax_cross_entropy_backward")
    arguments.float32("softmax_cross_entropy_backward", Z=Z)
    M = total_weight(labels, weights)
    if not M:
        return reference.softmax_cross_entropy_backward(Z, labels, smoothing=smoothing, weights=weights)
    return unpack(_cross_entropy(Z, labels, smoothing, weights, M)[0], len(Z))


def total_weight(labels, weights) -> float:
    """M, the total weight of all examples."""
    if labels.ndim == 2:
        t = labels if weights is None else labels * weights
        return float(t.sum(dtype=np.float64))
    if weights is None:
        return float(np.count_nonzero(labels >= 0))
    return float(weights[labels[labels >= 0]].sum(dtype=np.float64))


def _cross_entropy(Z, labels, smoothing: float, weights, M: float) -> tuple[np.ndarray, np.ndarray]:
    L, classes = tiles.vector(), Z.shape[1]
    packed, soft = pack(Z), labels.ndim == 2
    groups = len(packed)
    if soft:
        targets = pack(labels)
    else:
        targets = buffers.empty((groups, L), np.int32)
        targets.reshape(-1)[:] = -1  # including the unused places of the last group
        targets.reshape(-1)[: len(Z)] = labels
    w = np.ones(classes, np.float32) if weights is None else weights
    dZ, losses, hits = (
        buffers.empty(packed.shape),
        buffers.empty((groups, L)),
        buffers.empty((groups, L), np.int32),
    )
    inputs = {"Z": packed, "targets": targets, "w": w}
    inputs |= {"smoothing": ctypes.c_float(smoothing), "scale": ctypes.c_float(1 / M)}
    outputs = {"dZ": dZ, "losses": losses, "hits": hits}
    run("classes.cross_entropy", inputs, outputs, classes=classes, lanes=L, soft=soft)
    return dZ, losses

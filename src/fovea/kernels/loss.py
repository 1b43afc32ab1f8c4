"""The loss over classes; the pipeline is in pipelines/classes.py."""

import ctypes

import numpy as np

from fovea import arguments
from fovea.kernels import buffers, tiles
from fovea.kernels.call import pack, run, unpack


def softmax_cross_entropy(Z, labels, *, smoothing: float = 0.0, weights=None) -> float:
    """As `fovea.reference.softmax_cross_entropy`."""
    return loss_and_gradient(Z, labels, smoothing, weights)[0]


def softmax_cross_entropy_backward(Z, labels, *, smoothing: float = 0.0, weights=None) -> np.ndarray:
    """As `fovea.reference.softmax_cross_entropy_backward`."""
    return loss_and_gradient(Z, labels, smoothing, weights, "softmax_cross_entropy_backward")[1]


def loss_and_gradient(
    Z, labels, smoothing: float, weights, who: str = "softmax_cross_entropy"
) -> tuple[float, np.ndarray]:
    """As `fovea.reference.loss_and_gradient`; one kernel computes both."""
    arguments.loss(Z, labels, smoothing, weights, who)
    arguments.float32(who, Z=Z)
    M = total_weight(labels, weights)
    if not M:
        return 0.0, np.zeros(Z.shape, Z.dtype)
    dZ, losses = _cross_entropy(Z, labels, smoothing, weights, M)
    return float(losses.sum(dtype=np.float64)) / M, unpack(dZ, len(Z))


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

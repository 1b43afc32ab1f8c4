"""Activations and normalisations by the current engine's kernels, channels first as in ONNX."""

from typing import Any

import numpy as np

from fovea import functional
from fovea.layers.units import SELU_ALPHA, SELU_SCALE
from fovea.reference import smooth


def erf(x):
    return smooth.erf(x)


def elu(x, *, alpha=1.0):
    return functional.elu(x, alpha)


def celu(x, *, alpha=1.0):
    return functional.elu(x, alpha, 1.0, 1 / alpha)


def selu(x, *, alpha=SELU_ALPHA, gamma=SELU_SCALE):
    return functional.elu(x, alpha, gamma)


def gelu(x, *, approximate="none"):
    return functional.gelu_tanh(x) if approximate == "tanh" else functional.gelu(x)


def hard_sigmoid(x, *, alpha=0.2, beta=0.5):
    return functional.hard_sigmoid(x, alpha, beta)


def thresholded_relu(x, *, alpha=1.0):
    return functional.thresholded_relu(x, alpha)


def prelu(x, slope):
    """PReLU in NumPy: the slopes may broadcast in any way."""
    return np.where(x > 0, x, x * slope).astype(x.dtype)


def instance_normalization(x, scale, bias, *, epsilon=1e-5):
    return _grouped(x, scale, bias, x.shape[1], epsilon)


def group_normalization(x, scale, bias, *, num_groups, epsilon=1e-5, stash_type=1):
    return _grouped(x, scale, bias, num_groups, epsilon)


def group_normalization_before_21(x, scale, bias, *, num_groups, epsilon=1e-5):
    """GroupNormalization with one scale and bias per group."""
    inside = x.shape[1] // num_groups
    return _grouped(x, np.repeat(scale, inside), np.repeat(bias, inside), num_groups, epsilon)


def layer_normalization(
    x, scale, bias: Any = None, *, axis=-1, epsilon=1e-5, stash_type=1, outputs=1
):  # fmt: skip
    """LayerNormalization over all axes from `axis` on together."""
    axis %= x.ndim
    rows = np.ascontiguousarray(x).reshape(int(np.prod(x.shape[:axis])), -1)
    gamma, beta = (
        np.broadcast_to(fill if array is None else array, x.shape[axis:]).reshape(-1).astype(x.dtype)
        for array, fill in ((scale, 1), (bias, 0))
    )
    y = functional.layer_norm(rows, gamma, beta, epsilon=epsilon).reshape(x.shape)
    if outputs == 1:
        return y
    mean = rows.mean(axis=1, dtype=np.float64)
    inverse = 1 / np.sqrt(rows.var(axis=1, dtype=np.float64) + epsilon)
    short = (*x.shape[:axis], *(1,) * (x.ndim - axis))
    return (y, *(a.reshape(short).astype(x.dtype) for a in (mean, inverse)))[:outputs]


def _grouped(x, scale, bias, groups: int, epsilon: float):
    rows = np.moveaxis(x, 1, -1)  # channels last, rows and columns merged
    pictures = np.ascontiguousarray(rows).reshape(len(x), -1, 1, x.shape[1])
    y = functional.group_norm(pictures, scale, bias, groups, epsilon=epsilon)
    return np.ascontiguousarray(np.moveaxis(y.reshape(rows.shape), -1, 1))

"""Operators that compute: activations and products by the current engine's kernels, the rest in NumPy."""

from itertools import product

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch

ENDS = float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)


def leaky_relu(x, *, alpha=0.01):
    return functional.leaky_relu(x, alpha)


def softmax(x, *, axis=-1):
    """Softmax along one axis."""
    rows = np.moveaxis(x, axis, -1)
    flat = np.ascontiguousarray(rows).reshape(-1, rows.shape[-1])
    return np.moveaxis(functional.softmax(flat).reshape(rows.shape), -1, axis)


def log_softmax(x, *, axis=-1):
    """The logarithm of `softmax`, computed without underflow."""
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def before_13(function):
    """`function`, which works along one axis, applied to all axes from `axis` on together."""

    def flattened(x, *, axis=1):
        return function(x.reshape(int(np.prod(x.shape[:axis])), -1), axis=1).reshape(x.shape)

    return flattened


def clip(x, low=None, high=None, *, min=None, max=None):  # attributes, before opset 11
    low, high = (low if min is None else min), (high if max is None else max)
    if x.dtype.kind == "f" and (low is None or high is None or low < high):
        least = ENDS[0] if low is None else np.asarray(low).item()
        return functional.clip(x, least, ENDS[1] if high is None else np.asarray(high).item())
    x = x if low is None else np.maximum(x, x.dtype.type(low))
    return x if high is None else np.minimum(x, x.dtype.type(high))


def gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    a, b = a.T if transA else a, b.T if transB else b
    product = functional.dense(np.ascontiguousarray(a), np.ascontiguousarray(b), None)
    product = product if alpha == 1 else product * np.float32(alpha)
    return product if c is None else product + c * np.float32(beta)


def matmul(a, b):
    """The product as in np.matmul: an array of one axis is a row on the left and a column on the right."""
    if a.dtype.kind != "f" or not a.size or not b.size:
        return np.matmul(a, b)
    left, right = a.reshape(1, -1) if a.ndim == 1 else a, b.reshape(-1, 1) if b.ndim == 1 else b
    if right.ndim == 2:
        result = _rows(left.reshape(-1, left.shape[-1]), right).reshape(*left.shape[:-1], right.shape[-1])
    else:
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
        right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
        result = np.empty((*batch, left.shape[-2], right.shape[-1]), a.dtype)
        for index in product(*map(range, batch)):
            result[index] = _rows(left[index], right[index])
    result = result[..., 0, :] if a.ndim == 1 else result
    return result[..., 0] if b.ndim == 1 else result


def batch_normalization(
    x, scale, bias, mean, variance, *, epsilon=1e-5, momentum=0.9, training_mode=0, outputs=1
):
    rows = np.moveaxis(x, 1, -1)  # channels last, all other axes merged
    X = np.ascontiguousarray(rows).reshape(-1, x.shape[1])
    used = functional.batch_statistics(X) if training_mode else (mean, variance)
    Y = functional.batch_norm(X, *used, scale, bias, epsilon=epsilon)
    y = np.ascontiguousarray(np.moveaxis(Y.reshape(rows.shape), -1, 1))
    if not training_mode or outputs == 1:
        return y
    rate = x.dtype.type(momentum)  # the share of the old value
    return y, *(old * rate + new * (1 - rate) for old, new in zip((mean, variance), used, strict=True))


def batch_normalization_before_14(
    x, scale, bias, mean, variance, *, epsilon=1e-5, momentum=0.9, spatial=1, outputs=1
):
    """Batch normalisation; with `spatial` 0 every position separately, with more than one output in
    training."""
    if outputs > 1:
        raise ShapeError(mismatch("its outputs before opset 14", "one, as in inference", outputs))
    constants = [np.reshape(a, -1) for a in (scale, bias, mean, variance)]
    rows = x if spatial else x.reshape(len(x), -1)
    return np.reshape(batch_normalization(rows, *constants, epsilon=epsilon), x.shape)


def add(a, b):
    """The sum, by a kernel if nothing is broadcast."""
    matching = a.shape == b.shape and a.dtype == b.dtype and a.dtype.kind == "f" and a.size
    return functional.add(a, b) if matching else np.add(a, b)


def division(a, b):
    """The quotient; of whole numbers, truncated towards zero."""
    if a.dtype.kind not in "iu":
        return np.divide(a, b)
    whole = np.floor_divide(a, b)
    return whole + ((whole < 0) & (whole * b != a)).astype(whole.dtype)


def reduction(function):
    """A reduction by `function` over axes from an attribute, or from an input in later operator sets. Over no
    axes, with `noop_with_empty_axes`, it applies to each number."""

    def reduce(x, given=None, *, axes=None, keepdims=1, noop_with_empty_axes=0):
        axes = axes if given is None else given
        if axes is None or not len(axes):
            axes = () if noop_with_empty_axes else range(x.ndim)
        return np.asarray(function(x, axis=tuple(int(axis) for axis in axes), keepdims=bool(keepdims)))

    return reduce


def _rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return functional.dense(np.ascontiguousarray(a), np.ascontiguousarray(b), None)

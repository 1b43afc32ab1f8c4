"""Means, maxima and sums over whole axes as layers."""

from math import prod
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import AveragePool2D, ChannelPool, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from fovea.layers.base import Shape
from fovea.onnx.building import Builder, Value
from fovea.onnx.importers.products import multiply


def global_average_pool(b: Builder, x):
    return _global(b, GlobalAveragePool2D(), b.pictures(x))


def global_max_pool(b: Builder, x):
    return _global(b, GlobalMaxPool2D(), b.pictures(x))


def mean(b: Builder, x, given: Any = None, *, axes=None, keepdims=1, noop_with_empty_axes=0):
    return _reduced(b, x, axes if given is None else given, keepdims, noop_with_empty_axes, "average")[0]


def maximum(b: Builder, x, given: Any = None, *, axes=None, keepdims=1, noop_with_empty_axes=0):
    return _reduced(b, x, axes if given is None else given, keepdims, noop_with_empty_axes, "max")[0]


def total(b: Builder, x, given: Any = None, *, axes=None, keepdims=1, noop_with_empty_axes=0):
    """The sum: the mean times the number of values."""
    axes = axes if given is None else given
    average, count = _reduced(b, x, axes, keepdims, noop_with_empty_axes, "average")
    return multiply(b, average, np.array(float(count)))


def _reduced(b: Builder, x: Any, axes: Any, keepdims: int, keep: int, mode: str) -> tuple[Value, int]:
    """The reduction over `axes` of the tensor (N, …), if these are the rows, columns or channels of pictures;
    and the number of values in each."""
    value = b.ready(x)
    rank = len(value.tensor_shape) + 1
    if axes is None or not len(axes):
        if keep:
            return value, 1
        axes = range(rank)
    reduced = sorted({int(axis) % rank for axis in axes})
    trailing = range(rank - 1 - len(reduced), rank - 1)
    # One row of places per number of the result.
    last = value.places if 0 in reduced else np.moveaxis(value.places, [a - 1 for a in reduced], trailing)
    together = np.sort(last.reshape(-1, prod(last.shape[trailing.start :])), axis=1)
    covered = None if 0 in reduced or len(value.shape) != 3 else _whole_axes(value.shape, together)
    if covered is None:
        got = f"axes {reduced} of {('N', *value.tensor_shape)}"
        raise ShapeError(mismatch("its input", "pictures, reduced over rows, columns or channels", got))
    made = _pooled(b, Value(value.layer, value.shape), covered, mode)
    first = np.array(np.unravel_index(together[:, 0], value.shape))  # (3, results)
    shape = made.shape if len(made.shape) == 3 else (1, 1, *made.shape)
    places = np.array(np.ravel_multi_index(tuple(np.where([[n == 1] for n in shape], 0, first)), shape))
    kept = [1 if axis in reduced else n for axis, n in enumerate(value.tensor_shape, start=1)]
    lengths = kept if keepdims else [n for axis, n in enumerate(kept, start=1) if axis not in reduced]
    return b.moved(made, places.reshape(lengths)), together.shape[1]


def _whole_axes(shape: Shape, together: np.ndarray) -> set[int] | None:
    """The axes of (H, W, C) that every row of places covers completely and in order, while the other axes are
    constant; None if there are none."""
    indices = np.array(np.unravel_index(together[0], shape))
    covered = {axis for axis in range(3) if (indices[axis] != indices[axis, 0]).any()}
    box = np.arange(prod(shape)).reshape(shape)[tuple(slice(None if a in covered else 1) for a in range(3))]
    matches = together.shape[1] == box.size and (together == together[:, :1] + box.reshape(-1)).all()
    return covered if matches else None


def _pooled(b: Builder, value: Value, covered: set[int], mode: str) -> Value:
    """Pictures reduced over these axes of (H, W, C)."""
    (H, W, _), largest = value.shape, mode == "max"
    if 2 in covered:
        value = b.add(ChannelPool(mode), value)
    height, width = (H if 0 in covered else 1), (W if 1 in covered else 1)
    if covered & {0, 1} and 2 not in covered and (height, width) == (H, W):
        return b.add(GlobalMaxPool2D() if largest else GlobalAveragePool2D(), value)
    if covered & {0, 1}:
        return b.add((MaxPool2D if largest else AveragePool2D)((height, width)), value)
    return value


def _global(b: Builder, layer: Any, value: Value) -> Value:
    pooled = b.add(layer, value)
    return b.moved(pooled, pooled.places.reshape(-1, 1, 1))

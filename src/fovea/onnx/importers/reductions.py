"""Means, maxima and sums over whole axes as layers."""

from itertools import permutations
from math import prod
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import AveragePool2D, ChannelPool, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from fovea.onnx.building import Builder, Value, usual
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
    """The mean, times how many there are."""
    axes = axes if given is None else given
    average, count = _reduced(b, x, axes, keepdims, noop_with_empty_axes, "average")
    return multiply(b, average, np.array(float(count)))


def _reduced(b: Builder, x: Any, axes: Any, keepdims: int, keep: int, mode: str) -> tuple[Value, int]:
    """Over `axes` of pictures, and over how many numbers that is."""
    value = b.ready(x)
    rank = len(value.tensor_shape) + 1
    if axes is None or not len(axes):
        if keep:
            return value, 1
        axes = range(rank)
    reduced = sorted({int(axis) % rank for axis in axes})
    orders = permutations(range(3)) if len(value.shape) == 3 and rank == 4 else ()
    order = next((o for o in orders if np.array_equal(value.places, usual(value.shape).transpose(o))), None)
    if order is None or 0 in reduced:
        got = f"axes {reduced} of {('N', *value.tensor_shape)}"
        raise ShapeError(mismatch("its input", "pictures, reduced over rows, columns or channels", got))
    own = {order[axis - 1] for axis in reduced}  # of channels, rows, columns
    H, W, C = value.shape
    made, kept = Value(value.layer, value.shape), usual(value.shape)
    if 0 in own:
        made = b.add(ChannelPool(mode), made)
        kept = made.places
    if own >= {1, 2} and 0 not in own:
        made = b.add(GlobalMaxPool2D() if mode == "max" else GlobalAveragePool2D(), made)
        kept = made.places.reshape(-1, 1, 1)
    elif own & {1, 2}:
        size = (H if 1 in own else 1), (W if 2 in own else 1)
        made = b.add((MaxPool2D if mode == "max" else AveragePool2D)(size), made)
        kept = made.places
    places = kept.transpose(order)
    if not keepdims:
        places = places.reshape([n for axis, n in enumerate(places.shape, start=1) if axis not in reduced])
    return b.moved(made, places), prod((C, H, W)[axis] for axis in own)


def _global(b: Builder, layer: Any, value: Value) -> Value:
    pooled = b.add(layer, value)
    return b.moved(pooled, pooled.places.reshape(-1, 1, 1))

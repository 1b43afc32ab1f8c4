"""Activations as layers; the last softmax is left out, for a network gives logits."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import Clip, Layer, LeakyReLU, ReLU, ReLU6, Softmax
from fovea.onnx.building import Builder

LARGEST = float(np.finfo(np.float32).max)


def each(layer: Callable[[], Layer]):
    """An activation of each value by itself."""

    def made(b: Builder, x):
        return _each(b, x, layer())

    return made


def leaky_relu(b: Builder, x, *, alpha=0.01):
    return _each(b, x, LeakyReLU(round(alpha, 7)))


def clip(b: Builder, x, low=None, high=None, *, min=None, max=None):
    given = (low if min is None else min), (high if max is None else max)
    low, high = (None if bound is None else np.asarray(bound).item() for bound in given)
    if (low, high) == (0, 6):
        return _each(b, x, ReLU6())
    if low == 0 and (high is None or high >= LARGEST):
        return _each(b, x, ReLU())
    bounds = (-LARGEST if low is None else low), (LARGEST if high is None else high)
    return _each(b, x, Clip(*bounds))


def softmax(b: Builder, x, *, axis=None):
    """Along the channels; after it nothing comes, or a layer does it."""
    value = b.ready(x)
    axis = (1 if b.graph.opset < 13 else -1) if axis is None else axis
    if axis % (len(value.tensor_shape) + 1) != 1:
        raise ShapeError(mismatch("its axis", "1, that of the channels", axis))
    if b.last and len(value.shape) == 1:
        return value
    if not value.whole or (len(value.shape) == 3 and value.moved is not None):
        raise ShapeError(mismatch("its input", "pictures or rows, whole", ("N", *value.tensor_shape)))
    return _each(b, value, Softmax())


def log_softmax(b: Builder, x, *, axis=None):
    if not b.last:
        raise ShapeError(mismatch("its place", "the end of the network, where it is left out", "the middle"))
    return softmax(b, x, axis=axis)


def _each(b: Builder, x: Any, layer: Layer):
    value = b.ready(x)
    return replace(b.add(layer, value), moved=value.moved)

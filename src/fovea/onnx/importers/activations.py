"""Activations as layers; a last softmax is left out, because networks output logits."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Clip,
    HardSigmoid,
    Layer,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ReLU6,
    Softmax,
    ThresholdedReLU,
)
from fovea.layers.softmax import OVER
from fovea.layers.units import SELU_ALPHA, SELU_SCALE
from fovea.onnx.building import Builder, Value

LARGEST = float(np.finfo(np.float32).max)


def each(layer: Callable[[], Layer]):
    """An importer of an element-wise activation."""

    def importer(b: Builder, x):
        return _each(b, x, layer())

    return importer


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


def recognised(b: Builder, x, *, layer):
    """The layer that `composites` recognised in several operators."""
    if not isinstance(layer, Layer):
        raise ShapeError(mismatch("its layer", "a layer", type(layer).__name__))
    return _each(b, x, layer)


def elu(b: Builder, x, *, alpha=1.0):
    return _each(b, x, ELU(round(alpha, 7)))


def celu(b: Builder, x, *, alpha=1.0):
    return _each(b, x, CELU(round(alpha, 7)))


def selu(b: Builder, x, *, alpha=SELU_ALPHA, gamma=SELU_SCALE):
    if np.allclose((alpha, gamma), (SELU_ALPHA, SELU_SCALE), rtol=1e-6):
        return _each(b, x, SELU())
    got = f"{alpha:g} and {gamma:g}"
    raise ShapeError(mismatch("its alpha and gamma", f"{SELU_ALPHA:g} and {SELU_SCALE:g}", got))


def gelu(b: Builder, x, *, approximate: Any = "none"):
    return _each(b, x, GELU(approximate))


def hard_sigmoid(b: Builder, x, *, alpha=0.2, beta=0.5):
    sixth = abs(alpha - 1 / 6) < 1e-7  # in float32
    return _each(b, x, HardSigmoid(1 / 6 if sixth else round(alpha, 7), round(beta, 7)))


def thresholded_relu(b: Builder, x, *, alpha=1.0):
    return _each(b, x, ThresholdedReLU(round(alpha, 7)))


def softmax(layer: type[Softmax | LogSoftmax]):
    """An importer of softmax along one axis."""

    def importer(b: Builder, x, *, axis=-1):
        value = b.ready(x)
        return _softmax(b, value, _axis(value, axis), 1, layer)

    return importer


def softmax_before_13(layer: type[Softmax | LogSoftmax]):
    """An importer of softmax over all axes from `axis` on together."""

    def importer(b: Builder, x, *, axis=1):
        value = b.ready(x)
        return _softmax(b, value, _axis(value, axis), len(value.tensor_shape), layer)

    return importer


def _axis(value: Value, axis: int) -> int:
    """`axis` of the tensor (N, …), counted from the front. Raises ShapeError for the batch's axis."""
    axes = len(value.tensor_shape) + 1
    if not -axes <= axis < axes or axis % axes == 0:
        raise ShapeError(mismatch("its axis", f"1 to {axes - 1}", axis))
    return axis % axes


def _softmax(b: Builder, value: Value, axis: int, count: int, layer: type[Softmax | LogSoftmax]) -> Value:
    """Softmax over at most `count` axes of the tensor (N, …), from `axis` on: the layer that sums over the
    same numbers. A softmax over rows at the end of the model is left out, because `predict` computes it."""
    if not value.whole:
        raise ShapeError(mismatch("its input", "every number of a layer's output, once", value.shape))
    axes = tuple(range(axis, len(value.tensor_shape) + 1))[:count]
    wanted = np.empty(prod(value.shape), np.int64)
    wanted[value.places] = _smallest(value.places, [a - 1 for a in axes])
    numbers = np.arange(wanted.size).reshape(value.shape)
    row = len(value.shape) == 1
    name: Any
    for name, summed in OVER.items():
        if np.array_equal(wanted.reshape(value.shape), _smallest(numbers, [0] if row else summed)):
            if row and b.last:
                return replace(b.moved(value, value.places.reshape(-1)), moved=value.places)
            return replace(b.add(layer(name), value), moved=value.moved)
    expected = "the channels, a row, a column or all of a picture, or a whole row of numbers"
    got = f"{', '.join(map(str, axes))} of {('N', *value.tensor_shape)}"
    raise ShapeError(mismatch(f"its axis in opset {b.graph.opset}", expected, got))


def _smallest(numbers: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """For each number, the smallest of all numbers that are equal in position along the other axes."""
    return np.broadcast_to(numbers.min(axis=tuple(axes), keepdims=True), numbers.shape)


def _each(b: Builder, x: Any, layer: Layer):
    value = b.ready(x)
    return replace(b.add(layer, value), moved=value.moved)

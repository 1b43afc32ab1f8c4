"""Activations as layers; the last softmax is left out, for a network gives logits."""

from collections.abc import Callable
from dataclasses import replace
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
    ReLU,
    ReLU6,
    Softmax,
    ThresholdedReLU,
)
from fovea.layers.units import SELU_ALPHA, SELU_SCALE
from fovea.onnx.building import Builder, Value

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


def given(b: Builder, x, *, layer):
    """Several operators that make the same of numbers as `layer`: `composites` finds them."""
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


def softmax(b: Builder, x, *, axis=-1):
    """Along one axis."""
    value = b.ready(x)
    return _softmax(b, value, {_axis(value, axis)})


def softmax_before_13(b: Builder, x, *, axis=1):
    """Over all axes from `axis` on together."""
    value = b.ready(x)
    return _softmax(b, value, set(range(_axis(value, axis), len(value.tensor_shape) + 1)))


def log_softmax(b: Builder, x, *, axis=-1):
    return softmax(b, _last_rows(b, x), axis=axis)


def log_softmax_before_13(b: Builder, x, *, axis=1):
    return softmax_before_13(b, _last_rows(b, x), axis=axis)


def _axis(value: Value, axis: int) -> int:
    """Where `axis` of the tensor (N, …) is, counted from the front. Raises ShapeError for the batch's."""
    axes = len(value.tensor_shape) + 1
    if not -axes <= axis < axes or axis % axes == 0:
        raise ShapeError(mismatch("its axis", f"1 to {axes - 1}", axis))
    return axis % axes


def _softmax(b: Builder, value: Value, axes: set[int]) -> Value:
    """Over `axes` of the tensor (N, …) together: the channels of pictures, or all of a picture or a row. The
    last one of rows is left out, and `predict` does it."""
    long = {axis for axis, n in enumerate(value.tensor_shape, start=1) if n > 1}
    pictures = len(value.shape) == 3
    if not value.whole or (pictures and value.moved is not None):
        raise ShapeError(mismatch("its input", "pictures or rows, whole", ("N", *value.tensor_shape)))
    if pictures and 1 in axes and axes & long <= {1}:
        return _each(b, value, Softmax())
    if not long <= axes or (pictures and b.last):
        got = f"{', '.join(map(str, sorted(axes)))} of {('N', *value.tensor_shape)}"
        raise ShapeError(mismatch(f"its axis in opset {b.graph.opset}", "1, that of the channels", got))
    rows = b.moved(value, value.places.reshape(-1))
    made = rows if b.last else b.add(Softmax(), rows)
    return replace(made, moved=value.places)


def _last_rows(b: Builder, x: Any) -> Value:
    """`x`, if it is rows and what is made of it is the network's output: there logarithms of probabilities
    are left out as probabilities are. Raises ShapeError, for no layer gives logarithms."""
    value = b.ready(x)
    if not b.last or len(value.shape) != 1:
        got = "pictures" if b.last else "the middle"
        raise ShapeError(mismatch("its place", "rows at the end of the network, where it is left out", got))
    return value


def _each(b: Builder, x: Any, layer: Layer):
    value = b.ready(x)
    return replace(b.add(layer, value), moved=value.moved)

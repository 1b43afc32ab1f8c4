"""Normalisation within each picture, as layers."""

from dataclasses import replace
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import GroupNorm, InstanceNorm, LayerNorm
from fovea.onnx.building import Builder, Value
from fovea.onnx.importers.products import by_channel


def layer_normalization(b: Builder, x, scale, bias: Any = None, *, axis=-1, epsilon=1e-5, stash_type=1):
    if len([name for name in b.step.outputs if name]) > 1:
        raise ShapeError(mismatch("its outputs", "one", "mean and deviation as well"))
    value = b.ready(x)
    axes = len(value.tensor_shape) + 1
    if axis % axes == 0:
        raise ShapeError(mismatch("its axis", f"1 to {axes - 1}", axis))
    gamma = np.ones(()) if scale is None else b.numbers(scale, 1)
    beta = np.zeros(()) if bias is None else b.numbers(bias, 2)
    rows = value.places.reshape(int(np.prod(value.tensor_shape[: axis % axes - 1])), -1)
    return _normalised(b, value, rows, gamma, beta, epsilon)


def instance_normalization(b: Builder, x, scale, bias, *, epsilon=1e-5):
    value = b.ready(x)
    rows = value.places.reshape(value.tensor_shape[0], -1)
    gamma, beta = _first(value, b.numbers(scale, 1)), _first(value, b.numbers(bias, 2))
    return _normalised(b, value, rows, gamma, beta, epsilon)


def group_normalization(b: Builder, x, scale, bias, *, num_groups, epsilon=1e-5, stash_type=1):
    value = b.ready(x)
    if num_groups < 1 or value.tensor_shape[0] % num_groups:
        expected = f"a divisor of {value.tensor_shape[0]} channels"
        raise ShapeError(mismatch("num_groups", expected, num_groups))
    rows = value.places.reshape(num_groups, -1)
    gamma, beta = _first(value, b.numbers(scale, 1)), _first(value, b.numbers(bias, 2))
    return _normalised(b, value, rows, gamma, beta, epsilon)


def group_normalization_before_21(b: Builder, x, scale, bias, *, num_groups, epsilon=1e-5):
    """GroupNormalization with one scale and bias per group."""
    inside = b.value(x).tensor_shape[0] // max(num_groups, 1)
    gamma, beta = (np.repeat(b.numbers(array, place), inside) for array, place in ((scale, 1), (bias, 2)))
    return group_normalization(b, x, gamma, beta, num_groups=num_groups, epsilon=epsilon)


def normalised(b: Builder, x, *, axes, epsilon):
    """Normalisation over `axes` of the tensor (N, …), without scale, as recognised by `composites`."""
    value = b.ready(x)
    count = len(value.tensor_shape) + 1
    axes = sorted(int(axis) % count for axis in axes)
    if 0 in axes:
        raise ShapeError(mismatch("its axes", f"some of 1 to {count - 1}", axes))
    last = np.moveaxis(value.places, [axis - 1 for axis in axes], range(-len(axes), 0))
    rows = last.reshape(int(np.prod(last.shape[: last.ndim - len(axes)])), -1)
    return _normalised(b, value, rows, np.ones(()), np.zeros(()), epsilon)


def _normalised(
    b: Builder, value: Value, rows: np.ndarray, scale: np.ndarray, shift: np.ndarray, epsilon: float
) -> Value:
    """The layer that normalises each of `rows` of places; `scale` and `shift` broadcast to the tensor."""
    C = value.shape[-1]
    places = np.sort(rows, axis=1)
    places, numbers, groups = places[np.argsort(places[:, 0])], np.arange(rows.size), len(rows)
    epsilon = round(epsilon, 12)
    if value.whole and np.array_equal(places, numbers.reshape(-1, C)):
        layer = LayerNorm(epsilon)
    elif value.whole and C % groups == 0 and np.array_equal(places, _groups(numbers, C, groups)):
        layer = InstanceNorm(epsilon) if groups == C else GroupNorm(groups, epsilon)
    else:
        expected = "the channels of each pixel, or groups of channels over a picture"
        got = f"others of {('N', *value.tensor_shape)}"
        raise ShapeError(mismatch("its groups of numbers", expected, got))
    arrays = {"gamma": by_channel(value, scale, 1), "beta": by_channel(value, shift, 0)}
    return replace(b.add(layer, value, **arrays), moved=value.moved)


def _groups(numbers: np.ndarray, C: int, groups: int) -> np.ndarray:
    """The places of each group of channels, in order."""
    return numbers.reshape(-1, groups, C // groups).transpose(1, 0, 2).reshape(groups, -1)


def _first(value: Value, numbers: np.ndarray) -> np.ndarray:
    """One number for each index of the tensor's first axis after the batch."""
    if numbers.shape != value.tensor_shape[:1]:
        raise ShapeError(mismatch("its numbers", value.tensor_shape[:1], numbers.shape))
    return numbers.reshape(-1, *(1,) * (len(value.tensor_shape) - 1))

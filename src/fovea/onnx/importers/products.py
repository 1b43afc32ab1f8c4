"""Products, sums and batch normalisation as layers."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from fovea.errors import DataError, ShapeError, mismatch
from fovea.layers import (
    Add,
    Affine,
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    Multiply,
    PReLU,
)  # fmt: skip
from fovea.layers.base import Shape
from fovea.onnx.building import NO_PADS, Builder, Value, usual
from fovea.onnx.rearranging import rearranged


def gemm(b: Builder, x, w, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    if transA:
        raise ShapeError(mismatch("transA", 0, transA))
    weights = b.numbers(w, 1)
    W = (weights.T if transB else weights) * np.float32(alpha)  # (n_in, n_out)
    bias = {} if c is None else {"b": _vector(b.numbers(c, 2) * np.float32(beta), W.shape[1])}
    return _of_pixels(b, x, W, bias) if _merged_pixels(x) else _dense(b, x, W, bias)


def matmul(b: Builder, x, w):
    """A dense layer; for pictures with channels last, a dense layer on each pixel."""
    W = b.numbers(w, 1)
    value = x if _merged_pixels(x) else b.ready(x)
    if len(value.shape) == 3 and (_merged_pixels(value) or len(value.tensor_shape) > 1):
        return _of_pixels(b, value, W, {})
    return _dense(b, value, W, {})


def add(b: Builder, one, other):
    if isinstance(one, Value) and isinstance(other, Value):
        return total(b, one, other)
    return _with_constant(b, one, other, lambda constant: (1, constant))


def subtract(b: Builder, one, other):
    if isinstance(one, Value) and isinstance(other, Value):
        return add(b, one, negative(b, other))
    if isinstance(other, Value):
        return _with_constant(b, one, other, lambda constant: (-1, constant))
    return _with_constant(b, one, other, lambda constant: (1, -constant))


def negative(b: Builder, x):
    return _with_constant(b, x, np.array(-1.0), lambda constant: (constant, 0))


def multiply(b: Builder, one, other):
    if isinstance(one, Value) and isinstance(other, Value):
        return _merged(b, Multiply(), (one, other))
    return _with_constant(b, one, other, lambda constant: (constant, 0))


def divide(b: Builder, one, other):
    b.value(one)
    return _with_constant(b, one, other, lambda constant: (1 / constant, 0))


def total(b: Builder, *values):
    """The sum of several values."""
    return _merged(b, Add(), values)


def concat(b: Builder, *values, axis):
    whole = _reassembled(b, values, axis)
    if whole is not None:
        return whole
    terms = [b.ready(value) for value in values]
    if len(terms) == 1:
        return terms[0]
    axes = len(terms[0].tensor_shape) + 1
    if axis % axes != 1:
        raise ShapeError(mismatch("its axis", "1, that of the channels", axis))
    if all(len(t.shape) == 3 for t in terms):
        return b.add(Concat(), *(b.pictures(t) for t in terms))
    if any(len(t.shape) != 1 for t in terms):
        raise ShapeError(mismatch("its inputs", "all pictures or all rows", "some of each"))
    ends = np.cumsum([0, *(t.shape[0] for t in terms)])
    places = [t.places + start for t, start in zip(terms, ends, strict=False)]
    return b.moved(b.add(Concat(), *terms), np.concatenate(places))


def _reassembled(b: Builder, values: Sequence[Any], axis: int) -> Value | None:
    """Parts of one layer's output, such as slices of a picture, concatenated. None if they are parts of
    different outputs, or in an order that no layers produce."""
    first, *others = values
    if not others or not all(
        isinstance(v, Value) and v.merged is None and v.pads == NO_PADS and len(v.shape) == 3 for v in values
    ):
        return None
    shapes = [list(v.tensor_shape) for v in values]
    if any(v.layer != first.layer for v in others) or any(len(shape) != 3 for shape in shapes):
        return None
    if axis % 4 == 0 or all(v.moved is None for v in values):
        return None
    for shape in shapes:
        del shape[axis % 4 - 1]
    if any(shape != shapes[0] for shape in shapes):
        return None
    b.room.take(sum(v.places.size for v in values))
    places = np.concatenate([v.places for v in values], axis=axis % 4 - 1)
    if rearranged(first.shape, places) is None:
        return None
    return replace(first, moved=places)


def batch_normalization(
    b: Builder, x, scale, bias, mean, variance, *, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1
):
    if training_mode:
        raise ShapeError(mismatch("training_mode", "0, as a model for inference has it", training_mode))
    value = b.ready(x)
    given = zip(("gamma", "beta", "mean", "variance"), (scale, bias, mean, variance), strict=True)
    axes = (-1, *(1,) * (len(value.tensor_shape) - 1))  # channels come first in the tensor (N, C, …)
    arrays = {
        name: by_channel(value, b.numbers(a, place).reshape(axes), name in ("gamma", "variance"))
        for place, (name, a) in enumerate(given, start=1)
    }
    least = arrays["variance"].min()
    if least + epsilon <= 0:  # epsilon makes up for rounding to a little below 0
        raise DataError(mismatch("its variance", "numbers of at least 0", f"{least:g}"))
    layer = BatchNorm(epsilon, round(1 - momentum, 6))
    return replace(b.add(layer, value, **arrays), moved=value.moved)


def prelu(b: Builder, x, slope):
    """PReLU with a single slope, or one per channel."""
    value, slopes = b.ready(x), b.numbers(slope, 1)
    slope = slopes.reshape(-1) if slopes.size == 1 else by_channel(value, slopes, 0)
    return replace(b.add(PReLU(slopes.size == 1), value, slope=slope), moved=value.moved)


def _merged_pixels(x: Any) -> bool:
    return isinstance(x, Value) and x.merged is not None


def _of_pixels(b: Builder, value: Value, W: np.ndarray, bias: dict[str, np.ndarray]) -> Value:
    """A dense layer on each pixel's channels, which come last: a 1×1 convolution."""
    merged = value.merged is not None
    places = value.places if value.merged is None else value.merged
    C, size = value.shape[-1], prod(value.shape) * (b.batch if merged else 1)
    if W.shape[:-1] != (C,) or places.shape[-1] != C or len(value.shape) != 3:
        expected = f"({places.shape[-1]}, n_out), for channels that come last"
        raise ShapeError(mismatch("its weights", expected, W.shape))
    if not np.array_equal(places.reshape(-1), np.arange(size)):
        raise ShapeError(mismatch("its input", "the channels of each pixel, in order", places.shape))
    alone = replace(value, merged=None)
    made = b.add(Conv2D(W.shape[1], 1, bias=bool(bias)), alone, W=W[np.newaxis, np.newaxis], **bias)
    order = np.arange(size // C * W.shape[1]).reshape(*places.shape[:-1], W.shape[1])
    return replace(made, merged=order) if merged else replace(made, moved=order)


def _dense(b: Builder, x: Any, weights: np.ndarray, bias: dict[str, np.ndarray]) -> Value:
    value = b.rows(x)
    (n,) = value.tensor_shape
    if weights.ndim != 2 or len(weights) != n:
        raise ShapeError(mismatch("its weights", f"({n}, n_out)", weights.shape))
    if value.shape[0] > n:
        b.room.take(value.shape[0] * weights.shape[1])
    W = np.zeros((value.shape[0], weights.shape[1]), np.float32)
    if value.distinct:
        W[value.places] = weights  # rows of unused inputs stay 0
    else:
        np.add.at(W, value.places, weights)
    return b.add(Dense(W.shape[1], bias=bool(bias)), value, W=W, **bias)


def _merged(b: Builder, layer: Layer, values: Sequence[Any]) -> Value:
    """The sum or product of several values, whose tensors (N, …) broadcast. Raises ShapeError if the layers'
    outputs do not broadcast in the same way."""
    terms = [b.ready(value) for value in values]
    if len(terms) == 1:
        return terms[0]
    shapes = [term.tensor_shape for term in terms]
    if len({len(shape) for shape in shapes}) == 1:  # else the batch axis would broadcast with another
        whole = tuple(map(int, np.broadcast_shapes(*shapes)))
        orders = [(term.shape, term.moved) for term in terms if term.tensor_shape == whole and term.whole]
        orders += [((*whole[1:], whole[0]), None)] if len(whole) == 3 else []
        for shape, moved in orders:
            places = usual(shape) if moved is None else moved
            if all(_broadcasts_alike(term, shape, places) for term in terms):
                return replace(b.add(layer, *terms), moved=moved)
    got = " and ".join(str(("N", *shape)) for shape in shapes)
    raise ShapeError(mismatch("its inputs", "the same order, and shapes that broadcast", got))


def _broadcasts_alike(term: Value, shape: Shape, places: np.ndarray) -> bool:
    """True if the output of `term`'s layer broadcasts to `shape` as its tensor does to that of `places`."""
    try:
        here = np.broadcast_to(np.arange(prod(term.shape)).reshape(term.shape), shape)
    except ValueError:
        return False
    return np.array_equal(here.reshape(-1)[places], np.broadcast_to(term.places, places.shape))


def _with_constant(b: Builder, one: Any, other: Any, terms: Any) -> Value:
    """An operator on a value and a constant; `terms` derives scale and shift from the constant."""
    x, constant, place = (one, other, 1) if isinstance(one, Value) else (other, one, 0)
    value = b.ready(x)
    scale, shift = (np.asarray(term, np.float32) for term in terms(b.numbers(constant, place)))
    gamma, beta = by_channel(value, scale, 1), by_channel(value, shift, 0)
    return _fused(b, value, gamma, beta) or _scaled(b, value, gamma, beta)


def _fused(b: Builder, value: Value, gamma: np.ndarray, beta: np.ndarray) -> Value | None:
    """scale · value + shift, fused into the layer that computes `value`; None if that layer has no scale and
    shift, or if other steps read its output."""
    layer = b.layers.get(value.layer)
    normalisation = GroupNorm | InstanceNorm | LayerNorm
    if not value.alone or not isinstance(layer, Conv2D | Dense | Affine | normalisation):
        return None
    scale, shift = ("W", "b") if isinstance(layer, Conv2D | Dense) else ("gamma", "beta")
    arrays = b.arrays[value.layer]
    with np.errstate(all="ignore"):  # what is not finite is an error in the next line
        new = {scale: arrays[scale] * gamma}
        if shift in arrays or beta.any():
            new[shift] = arrays.get(shift, np.float32(0)) * gamma + beta
    b.set_arrays(value.layer, **new)
    if shift in new and isinstance(layer, Conv2D | Dense | Affine):
        layer.bias = True
    return value


def _scaled(b: Builder, value: Value, gamma: np.ndarray, beta: np.ndarray) -> Value:
    """scale · value + shift as a layer of its own."""
    arrays = {"gamma": gamma} | ({"beta": beta} if beta.any() else {})
    return replace(b.add(Affine(bias="beta" in arrays), value, **arrays), moved=value.moved)


def by_channel(value: Value, constant: np.ndarray, fill: float) -> np.ndarray:
    """A constant that broadcasts to the tensor (N, …), as one number per channel of the layer's output;
    `fill` for channels that the tensor does not have. Raises ShapeError for numbers that differ from pixel
    to pixel, and for those that change the shape."""
    shape = value.tensor_shape
    constant = constant if constant.ndim <= len(shape) else constant.reshape(constant.shape[-len(shape) :])
    if value.moved is None and constant.ndim == len(shape) == 3 and constant.shape[1:] == (1, 1):
        return np.broadcast_to(constant[:, 0, 0], shape[:1]).astype(np.float32)
    places = value.places
    spread = np.broadcast_to(constant, shape).astype(np.float32)
    numbers, channels = np.full(value.shape[-1], fill, np.float32), places % value.shape[-1]
    numbers[channels] = spread
    if not np.array_equal(numbers[channels], spread):
        raise ShapeError(mismatch("its constant", "one number for each channel", f"others, {constant.shape}"))
    return numbers


def _vector(numbers: np.ndarray, n: int) -> np.ndarray:
    if numbers.size not in (1, n):
        raise ShapeError(mismatch("its bias", f"{n} numbers, one per unit", numbers.shape))
    return np.broadcast_to(numbers.reshape(-1), (n,)).copy()

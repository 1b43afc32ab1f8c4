"""Products, sums and batch normalisation as layers."""

from dataclasses import replace
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import Add, BatchNorm, Concat, Conv2D, Dense
from fovea.onnx.building import Builder, Value


def gemm(b: Builder, x, w, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    if transA:
        raise ShapeError(mismatch("transA", 0, transA))
    weights = b.numbers(w, 1)
    W = (weights.T if transB else weights) * np.float32(alpha)  # (n_in, n_out)
    own = {} if c is None else {"b": _vector(b.numbers(c, 2) * np.float32(beta), W.shape[1])}
    return _dense(b, x, W, own)


def matmul(b: Builder, x, w):
    return _dense(b, x, b.numbers(w, 1), {})


def add(b: Builder, one, other):
    if isinstance(one, Value) and isinstance(other, Value):
        return total(b, one, other)
    return _with_constant(b, one, other, lambda constant: (1, constant))


def subtract(b: Builder, one, other):
    if isinstance(other, Value):
        return _with_constant(b, one, other, lambda constant: (-1, constant))
    return _with_constant(b, one, other, lambda constant: (1, -constant))


def multiply(b: Builder, one, other):
    return _with_constant(b, one, other, lambda constant: (constant, 0))


def divide(b: Builder, one, other):
    b.value(one)
    return _with_constant(b, one, other, lambda constant: (1 / constant, 0))


def total(b: Builder, *values):
    """The sum of what the network computes in several places."""
    terms = [b.ready(value) for value in values]
    if len(terms) == 1:
        return terms[0]
    if any(t.tensor_shape != terms[0].tensor_shape or (t.places != terms[0].places).any() for t in terms):
        got = " and ".join(str(("N", *t.tensor_shape)) for t in terms)
        raise ShapeError(mismatch("its inputs", "the same shape and order", got))
    return replace(b.add(Add(), *terms), moved=terms[0].moved)


def concat(b: Builder, *values, axis):
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


def batch_normalization(
    b: Builder, x, scale, bias, mean, variance, *, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1
):
    if training_mode:
        raise ShapeError(mismatch("training_mode", "0, as a model for inference has it", training_mode))
    value = b.ready(x)
    given = zip(("gamma", "beta", "mean", "variance"), (scale, bias, mean, variance), strict=True)
    arrays = {name: _by_channel(value, b.numbers(a, place)) for place, (name, a) in enumerate(given, start=1)}
    layer = BatchNorm(epsilon, round(1 - momentum, 6))
    return replace(b.add(layer, value, **arrays), moved=value.moved)


def _dense(b: Builder, x: Any, weights: np.ndarray, own: dict[str, np.ndarray]) -> Value:
    value = b.rows(x)
    (n,) = value.tensor_shape
    if weights.ndim != 2 or len(weights) != n:
        raise ShapeError(mismatch("its weights", f"({n}, n_out)", weights.shape))
    W = np.zeros((value.shape[0], weights.shape[1]), np.float32)
    if len(np.unique(value.places)) == n:
        W[value.places] = weights  # rows of inputs that are not taken stay 0
    else:
        np.add.at(W, value.places, weights)
    return b.add(Dense(W.shape[1], bias=bool(own)), value, W=W, **own)


def _with_constant(b: Builder, one: Any, other: Any, terms: Any) -> Value:
    """One of the two is a constant; `terms` makes scale and shift of it."""
    x, constant, place = (one, other, 1) if isinstance(one, Value) else (other, one, 0)
    value = b.ready(x)
    scale, shift = (np.asarray(term, np.float32) for term in terms(b.numbers(constant, place)))
    gamma, beta = (_by_channel(value, _spread(value, term)) for term in (scale, shift))
    return _folded(b, value, gamma, beta) or _normalised(b, value, gamma, beta)


def _folded(b: Builder, value: Value, gamma: np.ndarray, beta: np.ndarray) -> Value | None:
    """scale · value + shift as part of the convolution or dense layer before it, where nothing else takes its
    output in."""
    layer = b.layers.get(value.layer)
    if not value.alone or not isinstance(layer, Conv2D | Dense):
        return None
    arrays = b.arrays[value.layer]
    arrays["W"] = arrays["W"] * gamma
    if layer.bias or beta.any():
        layer.bias, arrays["b"] = True, arrays.get("b", np.float32(0)) * gamma + beta
    return value


def _normalised(b: Builder, value: Value, gamma: np.ndarray, beta: np.ndarray) -> Value:
    """The same as a normalisation with mean 0 and variance 1."""
    layer = BatchNorm()
    mean, variance = np.zeros_like(gamma), np.full_like(gamma, 1 - layer.epsilon)
    made = b.add(layer, value, gamma=gamma, beta=beta, mean=mean, variance=variance)
    return replace(made, moved=value.moved)


def _spread(value: Value, constant: np.ndarray) -> np.ndarray:
    """One number a channel of `constant`, which is broadcast to the tensor (N, …). Raises ShapeError for what
    differs from pixel to pixel, or changes the shape."""
    shape = value.tensor_shape
    constant = constant if constant.ndim <= len(shape) else constant.reshape(constant.shape[-len(shape) :])
    spread = np.broadcast_to(constant, shape).reshape(shape[0], -1)
    if (spread != spread[:, :1]).any():
        raise ShapeError(mismatch("its constant", "one number for each channel", f"others, {constant.shape}"))
    return spread[:, 0]


def _by_channel(value: Value, numbers: np.ndarray) -> np.ndarray:
    """One number a channel of the tensor as one a channel of the layer's output."""
    if numbers.shape != value.tensor_shape[:1]:
        raise ShapeError(mismatch("its numbers", value.tensor_shape[:1], numbers.shape))
    if value.moved is None:
        return np.ascontiguousarray(numbers)
    if len(value.shape) != 1 or not value.whole:
        raise ShapeError(mismatch("its input", "channels or rows, all of them", "some, in another order"))
    own = np.empty(value.shape, np.float32)
    own[value.places.reshape(-1)] = numbers
    return own


def _vector(numbers: np.ndarray, n: int) -> np.ndarray:
    if numbers.size not in (1, n):
        raise ShapeError(mismatch("its bias", f"{n} numbers, one a unit", numbers.shape))
    return np.broadcast_to(numbers.reshape(-1), (n,)).copy()

"""Activations of arrays; the pipelines are in pipelines/elementwise.py and classes.py."""

from collections.abc import Callable
from inspect import Signature, signature
from typing import Any

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import pack, run, unpack
from fovea.kernels.specification import Specification, activation, specify


def relu(Z) -> np.ndarray:
    """As `fovea.reference.relu`."""
    return _forward("relu", Z)


def relu_backward(dA, Z) -> np.ndarray:
    """As `fovea.reference.relu_backward`."""
    return _backward("relu", dA, Z=Z)


def leaky_relu(Z, slope: float = 0.01) -> np.ndarray:
    """As `fovea.reference.leaky_relu`."""
    slope = arguments.finite(slope, "leaky_relu: slope")
    return _forward("leaky_relu", Z, slope)


def leaky_relu_backward(dA, Z, slope: float = 0.01) -> np.ndarray:
    """As `fovea.reference.leaky_relu_backward`."""
    slope = arguments.finite(slope, "leaky_relu_backward: slope")
    return _backward("leaky_relu", dA, slope, Z=Z)


def clip(Z, low: float = 0.0, high: float = 6.0) -> np.ndarray:
    """As `fovea.reference.clip`."""
    low, high = arguments.bounds(low, high, "clip")
    return _forward("clip", Z, low, high)


def clip_backward(dA, Z, low: float = 0.0, high: float = 6.0) -> np.ndarray:
    """As `fovea.reference.clip_backward`."""
    low, high = arguments.bounds(low, high, "clip_backward")
    return _backward("clip", dA, low, high, Z=Z)


def sigmoid(Z) -> np.ndarray:
    """As `fovea.reference.sigmoid`."""
    return _forward("sigmoid", Z)


def sigmoid_backward(dA, A) -> np.ndarray:
    """As `fovea.reference.sigmoid_backward`."""
    return _backward("sigmoid", dA, A=A)


def tanh(Z) -> np.ndarray:
    """As `fovea.reference.tanh`."""
    return _forward("tanh", Z)


def tanh_backward(dA, A) -> np.ndarray:
    """As `fovea.reference.tanh_backward`."""
    return _backward("tanh", dA, A=A)


def silu(Z) -> np.ndarray:
    """As `fovea.reference.silu`."""
    return _forward("silu", Z)


def silu_backward(dA, Z) -> np.ndarray:
    """As `fovea.reference.silu_backward`."""
    return _backward("silu", dA, Z=Z)


def softmax_of(classes: int) -> Specification:
    """The kernel of `softmax`, to be compiled together with others."""
    return specify("classes.softmax", ["Z"], ["Y"], classes=classes, lanes=tiles.vector())


def softmax(Z) -> np.ndarray:
    """As `fovea.reference.softmax`."""
    return _along_classes("softmax", Z=Z)


def softmax_backward(dA, A) -> np.ndarray:
    """As `fovea.reference.softmax_backward`."""
    return _along_classes("softmax_backward", A=A, dA=dA)


def log_softmax(Z) -> np.ndarray:
    """As `fovea.reference.log_softmax`."""
    return _along_classes("log_softmax", Z=Z)


def log_softmax_backward(dA, A) -> np.ndarray:
    """As `fovea.reference.log_softmax_backward`."""
    return _along_classes("log_softmax_backward", A=A, dA=dA)


def passes(function: str) -> tuple[Callable, Callable]:
    """Forward and backward pass of an activation by its row in pipelines/activations.py, with the signatures
    of `fovea.reference`, where the activation's numbers follow Z."""
    forward_as = signature(getattr(reference, function))
    backward_as = signature(getattr(reference, f"{function}_backward"))
    names = list(forward_as.parameters)[1:]
    kept = list(backward_as.parameters)[1]

    def forward(*given: Any, **named: Any) -> np.ndarray:
        Z, *numbers = _filled(forward_as, given, named)
        numbers = arguments.numbers(function, **dict(zip(names, numbers, strict=True)))
        return _forward(function, Z, *numbers)

    def backward(*given: Any, **named: Any) -> np.ndarray:
        dA, X, *numbers = _filled(backward_as, given, named)
        numbers = arguments.numbers(f"{function}_backward", **dict(zip(names, numbers, strict=True)))
        return _backward(function, dA, *numbers, **{kept: X})

    for pass_, shown in ((forward, forward_as), (backward, backward_as)):
        vars(pass_)["__signature__"] = shown  # for inspect.signature
    return forward, backward


def _filled(expected: Signature, given: tuple, named: dict[str, Any]) -> tuple:
    """The arguments of a call in order, with their defaults. Raises TypeError if they do not fit."""
    bound = expected.bind(*given, **named)
    bound.apply_defaults()
    return bound.args


def _forward(function: str, Z, *numbers: float) -> np.ndarray:
    arguments.floats(function, Z=Z)
    arguments.float32(function, Z=Z)
    A = buffers.empty(Z.shape)
    settings = {"activation": activation(function, *numbers), "vector": tiles.vector()}
    run("elementwise.activate", {"Z": Z.reshape(1, -1)}, {"A": A.reshape(1, -1)}, **settings)
    return A


def _along_classes(function: str, **arrays) -> np.ndarray:
    """`function` of pipelines/classes.py, on arrays by its names for them; the gradient is the last."""
    (name, rows), *_ = arrays.items()
    arguments.logits(rows, function, name)
    if len(arrays) > 1:
        arguments.same_shape(function, **arrays)
    arguments.float32(function, **arrays)
    if not len(rows):
        return np.zeros(rows.shape, np.float32)
    inputs = {key: pack(array) for key, array in reversed(arrays.items())}
    result = buffers.empty(inputs[name].shape)
    outputs = {"dZ" if "dA" in arrays else "Y": result}
    run(f"classes.{function}", inputs, outputs, classes=rows.shape[1], lanes=tiles.vector())
    return unpack(result, len(rows))


def _backward(function: str, dA, *numbers: float, **kept) -> np.ndarray:
    who, (X,) = f"{function}_backward", kept.values()
    arguments.same_shape(who, **kept, dA=dA)
    arguments.float32(who, dA=dA, **kept)
    dZ = buffers.empty(X.shape)
    settings = {"activation": activation(function, *numbers), "vector": tiles.vector()}
    inputs = {"dA": dA.reshape(1, -1), "kept": X.reshape(1, -1)}
    run("elementwise.activate_backward", inputs, {"dZ": dZ.reshape(1, -1)}, **settings)
    return dZ

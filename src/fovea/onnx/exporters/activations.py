"""Activations and softmax."""

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any

import numpy as np

from fovea.onnx.building import Value
from fovea.onnx.exporters.exporter import LayerExport
from fovea.reference.smooth import CUBE


def each(operator: str, **attributes: str) -> Callable[[LayerExport], Value]:
    """An exporter to an element-wise operator; `attributes`: ONNX's name → the layer's field."""

    def each(one: LayerExport) -> Value:
        own = {name: getattr(one.layer, field) for name, field in attributes.items()}
        return one.to(operator, moved=one.inputs[0].moved, **own)

    return each


def clip(one: LayerExport) -> Value:
    layer: Any = one.layer
    low, high = (np.array(bound, np.float32) for bound in layer.options)
    bounds = one.weights("low", low), one.weights("high", high)
    return one.to("Clip", *bounds, moved=one.inputs[0].moved)


def in_steps(*steps: Sequence[Any]) -> Callable[[LayerExport], Value]:
    """An exporter to several operators in sequence. Each has a name and inputs: 0 for the layer's input, k
    for the output of step k, a float for a constant, and a text for the layer's field of that name."""

    def stepped(one: LayerExport) -> Value:
        given, name = list(one.names), one.layer.name
        for place, (operator, *inputs) in enumerate(steps, start=1):
            names = [given[i] if isinstance(i, int) else _number(one, place, i) for i in inputs]
            if place == len(steps):
                one.names = names
                break
            made = f"{name}.step{place}"
            given.append(one.exporter.add(operator, names, made, made))
        return one.to(steps[-1][0], moved=one.inputs[0].moved)

    return stepped


def _number(one: LayerExport, place: int, value: float | str) -> str:
    """A constant of the step at `place`."""
    number = getattr(one.layer, value) if isinstance(value, str) else value
    return one.weights(f"number{place}", np.array(number, np.float32))


def gelu(one: LayerExport) -> Value:
    layer: Any = one.layer
    if layer.approximate == "tanh":
        return in_steps(
            ("Mul", 0, 0), ("Mul", 1, CUBE), ("Add", 2, 1.0), ("Mul", 3, 0), ("Mul", 4, sqrt(2 / pi)),
            ("Tanh", 5), ("Add", 6, 1.0), ("Mul", 7, 0), ("Mul", 8, 0.5),
        )(one)  # fmt: skip
    return in_steps(("Div", 0, sqrt(2)), ("Erf", 1), ("Add", 2, 1.0), ("Mul", 0, 3), ("Mul", 4, 0.5))(one)


def softplus(one: LayerExport) -> Value:
    """Softplus; a threshold below 20 makes a difference in float32."""
    layer: Any = one.layer
    if (layer.beta, layer.threshold >= 20) == (1, True):
        return each("Softplus")(one)
    soft = ("Mul", 0, "beta"), ("Softplus", 1), ("Div", 2, "beta")
    if layer.threshold >= 20:
        return in_steps(*soft)(one)
    return in_steps(*soft, ("Greater", 1, "threshold"), ("Where", 4, 0, 3))(one)


def prelu(one: LayerExport) -> Value:
    return one.to("PRelu", one.per_channel("slope"), moved=one.inputs[0].moved)


def shares(one: LayerExport) -> Value:
    """Softmax over one axis; several axes are merged into one for it."""
    layer: Any = one.layer
    value, name, operator = one.inputs[0], one.layer.name, type(one.layer).__name__
    if len(value.shape) == 1 or layer.over == "channels":
        return one.to(operator, axis=1, moved=value.moved)
    if layer.over in ("height", "width"):
        return one.to(operator, axis=2 if layer.over == "height" else 3)
    H, W, C = value.shape
    flat = one.weights("into", np.array((0, C if layer.over == "pixels" else 1, -1), np.int64))
    back = one.weights("shape", np.array((0, C, H, W), np.int64))
    x = one.exporter.add("Reshape", [value.layer, flat], f"{name}.flat", f"{name}.flat")
    one.names = [one.exporter.add(operator, [x], f"{name}.shares", f"{name}.shares", axis=2)]
    return one.to("Reshape", back)

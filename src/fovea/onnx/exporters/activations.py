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

    def exporter(export: LayerExport) -> Value:
        options = {name: getattr(export.layer, field) for name, field in attributes.items()}
        return export.to(operator, moved=export.inputs[0].moved, **options)

    return exporter


def clip(export: LayerExport) -> Value:
    layer: Any = export.layer
    low, high = (np.array(bound, np.float32) for bound in layer.options)
    bounds = export.weights("low", low), export.weights("high", high)
    return export.to("Clip", *bounds, moved=export.inputs[0].moved)


def in_steps(*steps: Sequence[Any]) -> Callable[[LayerExport], Value]:
    """An exporter to several operators in sequence. Each has a name and inputs: 0 for the layer's input, k
    for the output of step k, a float for a constant, and a text for the layer's field of that name."""

    def exporter(export: LayerExport) -> Value:
        given, name = list(export.names), export.layer.name
        for place, (operator, *inputs) in enumerate(steps, start=1):
            names = [given[i] if isinstance(i, int) else _number(export, place, i) for i in inputs]
            if place == len(steps):
                export.names = names
                break
            made = f"{name}.step{place}"
            given.append(export.exporter.add(operator, names, made, made))
        return export.to(steps[-1][0], moved=export.inputs[0].moved)

    return exporter


def _number(export: LayerExport, place: int, value: float | str) -> str:
    """A constant of the step at `place`."""
    number = getattr(export.layer, value) if isinstance(value, str) else value
    return export.weights(f"number{place}", np.array(number, np.float32))


def gelu(export: LayerExport) -> Value:
    layer: Any = export.layer
    if layer.approximate == "tanh":
        return in_steps(
            ("Mul", 0, 0), ("Mul", 1, CUBE), ("Add", 2, 1.0), ("Mul", 3, 0), ("Mul", 4, sqrt(2 / pi)),
            ("Tanh", 5), ("Add", 6, 1.0), ("Mul", 7, 0), ("Mul", 8, 0.5),
        )(export)  # fmt: skip
    return in_steps(("Div", 0, sqrt(2)), ("Erf", 1), ("Add", 2, 1.0), ("Mul", 0, 3), ("Mul", 4, 0.5))(export)


def softplus(export: LayerExport) -> Value:
    """Softplus; a threshold of 20 or more makes no difference in float32."""
    layer: Any = export.layer
    if (layer.beta, layer.threshold >= 20) == (1, True):
        return each("Softplus")(export)
    soft = ("Mul", 0, "beta"), ("Softplus", 1), ("Div", 2, "beta")
    if layer.threshold >= 20:
        return in_steps(*soft)(export)
    return in_steps(*soft, ("Greater", 1, "threshold"), ("Where", 4, 0, 3))(export)


def prelu(export: LayerExport) -> Value:
    return export.to("PRelu", export.per_channel("slope"), moved=export.inputs[0].moved)


def softmax(export: LayerExport) -> Value:
    """Softmax over one axis; several axes are merged into one for it."""
    layer: Any = export.layer
    value, name, operator = export.inputs[0], export.layer.name, type(export.layer).__name__
    if len(value.shape) == 1 or layer.over == "channels":
        return export.to(operator, axis=1, moved=value.moved)
    if layer.over in ("height", "width"):
        return export.to(operator, axis=2 if layer.over == "height" else 3)
    H, W, C = value.shape
    flat = export.weights("into", np.array((0, C if layer.over == "pixels" else 1, -1), np.int64))
    back = export.weights("shape", np.array((0, C, H, W), np.int64))
    x = export.exporter.add("Reshape", [value.layer, flat], f"{name}.flat", f"{name}.flat")
    export.names = [export.exporter.add(operator, [x], f"{name}.shares", f"{name}.shares", axis=2)]
    return export.to("Reshape", back)

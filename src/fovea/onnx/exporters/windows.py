"""Pooling, padding and resizing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fovea.errors import DataError, mismatch
from fovea.geometry.sampling import Axis
from fovea.onnx.building import Value
from fovea.onnx.exporters.exporter import LayerExport
from fovea.onnx.layouts import pads_there


def pool(operator: str) -> Callable[[LayerExport], Value]:
    def pool(one: LayerExport) -> Value:
        layer: Any = one.layer
        window = layer.window(one.inputs[0].shape)
        more: dict[str, Any] = {"ceil_mode": 1} if layer.ceil_mode else {}
        more |= {"count_include_pad": int(layer.count_include_pad)} if operator == "AveragePool" else {}
        if operator == "MaxPool":
            more["dilations"] = window.dilation
        elif window.dilation != (1, 1):
            raise DataError(mismatch(layer.who, "dilation 1, all that opset 17 has", layer.dilation))
        top, bottom, left, right = window.pads
        below, beside = window.beyond  # what ceil_mode says already
        pads = pads_there((top, bottom - below, left, right - beside))
        size, stride = window.size, window.stride
        return one.to(operator, kernel_shape=size, strides=stride, pads=pads, **more)

    return pool


def global_pool(operator: str) -> Callable[[LayerExport], Value]:
    def pool(one: LayerExport) -> Value:
        maps = f"{one.layer.name}.maps"
        one.names = [one.exporter.add(operator, one.names, maps, maps)]
        return one.to("Flatten", axis=1)

    return pool


def channel_pool(one: LayerExport) -> Value:
    layer: Any = one.layer
    return one.to("ReduceMax" if layer.mode == "max" else "ReduceMean", axes=[1], keepdims=1)


def upsample(one: LayerExport) -> Value:
    layer: Any = one.layer
    scales = one.weights("scales", np.array((1, 1, *layer.factor), np.float32))
    places: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel", "mode": "linear"}
    if layer.mode == "nearest":
        places = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": "nearest"}
    return one.to("Resize", "", scales, **places)


def pad(one: LayerExport) -> Value:
    """Padding; modes that opset 17 lacks, and cropping, select rows and columns by number."""
    layer: Any = one.layer
    rows, columns = layer.axes(one.inputs[0].shape)
    mode = {"constant": "constant", "mirror": "reflect", "nearest": "edge"}.get(layer.mode)
    top, bottom, left, right = layer.sides
    if mode is not None and (mode == "constant" or min(layer.sides) >= 0):
        pads = one.weights("pads", np.array((0, 0, top, left, 0, 0, bottom, right), np.int64))
        value = [one.weights("value", np.array(layer.value, np.float32))] if layer.value else []
        return one.to("Pad", pads, *value, mode=mode)
    return _gathered(one, rows, columns)


def resize(one: LayerExport) -> Value:
    """Resizing; nearest pixels are selected by number, because runtimes round a scale differently."""
    layer: Any = one.layer
    if layer.mode == "nearest":
        return _gathered(one, *layer.axes(one.inputs[0].shape))
    scales = [_scale(n, new) for n, new in zip(one.inputs[0].shape[:2], layer.size, strict=True)]
    places = "align_corners" if layer.align_corners else "half_pixel"
    factors = one.weights("scales", np.array((1, 1, *scales), np.float32))
    return one.to("Resize", "", factors, coordinate_transformation_mode=places, mode="linear")


def _gathered(one: LayerExport, rows: Axis, columns: Axis) -> Value:
    some, picked = f"{one.layer.name}.some", one.weights("rows", rows.pixels[:, 0].astype(np.int64))
    one.names = [one.exporter.add("Gather", [*one.names, picked], some, some, axis=2)]
    return one.to("Gather", one.weights("columns", columns.pixels[:, 0].astype(np.int64)), axis=3)


def _scale(n: int, new: int) -> np.float32:
    """new / n, rounded up in float32: n times the scale, rounded down, must be `new`."""
    scale = np.float32(new / n)
    return scale if n * float(scale) >= new else np.nextafter(scale, np.float32(np.inf))

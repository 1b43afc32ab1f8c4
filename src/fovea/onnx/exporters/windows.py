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
    def exporter(export: LayerExport) -> Value:
        layer: Any = export.layer
        window = layer.window(export.inputs[0].shape)
        more: dict[str, Any] = {"ceil_mode": 1} if layer.ceil_mode else {}
        more |= {"count_include_pad": int(layer.count_include_pad)} if operator == "AveragePool" else {}
        if operator == "MaxPool":
            more["dilations"] = window.dilation
        elif window.dilation != (1, 1):
            raise DataError(mismatch(layer.who, "dilation 1, the only one in opset 17", layer.dilation))
        top, bottom, left, right = window.pads
        below, beside = window.beyond  # padding that ceil_mode implies
        pads = pads_there((top, bottom - below, left, right - beside))
        size, stride = window.size, window.stride
        return export.to(operator, kernel_shape=size, strides=stride, pads=pads, **more)

    return exporter


def global_pool(operator: str) -> Callable[[LayerExport], Value]:
    def exporter(export: LayerExport) -> Value:
        maps = f"{export.layer.name}.maps"
        export.names = [export.exporter.add(operator, export.names, maps, maps)]
        return export.to("Flatten", axis=1)

    return exporter


def channel_pool(export: LayerExport) -> Value:
    layer: Any = export.layer
    return export.to("ReduceMax" if layer.mode == "max" else "ReduceMean", axes=[1], keepdims=1)


def upsample(export: LayerExport) -> Value:
    layer: Any = export.layer
    scales = export.weights("scales", np.array((1, 1, *layer.factor), np.float32))
    places: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel", "mode": "linear"}
    if layer.mode == "nearest":
        places = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": "nearest"}
    return export.to("Resize", "", scales, **places)


def pad(export: LayerExport) -> Value:
    """Padding; modes that opset 17 lacks, and cropping, select rows and columns by number."""
    layer: Any = export.layer
    rows, columns = layer.axes(export.inputs[0].shape)
    mode = {"constant": "constant", "mirror": "reflect", "nearest": "edge"}.get(layer.mode)
    top, bottom, left, right = layer.sides
    if mode is not None and (mode == "constant" or min(layer.sides) >= 0):
        pads = export.weights("pads", np.array((0, 0, top, left, 0, 0, bottom, right), np.int64))
        value = [export.weights("value", np.array(layer.value, np.float32))] if layer.value else []
        return export.to("Pad", pads, *value, mode=mode)
    return _gathered(export, rows, columns)


def resize(export: LayerExport) -> Value:
    """Resizing; nearest pixels are selected by number, because runtimes round a scale differently."""
    layer: Any = export.layer
    if layer.mode == "nearest":
        return _gathered(export, *layer.axes(export.inputs[0].shape))
    scales = [_scale(n, new) for n, new in zip(export.inputs[0].shape[:2], layer.size, strict=True)]
    places = "align_corners" if layer.align_corners else "half_pixel"
    factors = export.weights("scales", np.array((1, 1, *scales), np.float32))
    return export.to("Resize", "", factors, coordinate_transformation_mode=places, mode="linear")


def _gathered(export: LayerExport, rows: Axis, columns: Axis) -> Value:
    some, picked = f"{export.layer.name}.some", export.weights("rows", rows.pixels[:, 0].astype(np.int64))
    export.names = [export.exporter.add("Gather", [*export.names, picked], some, some, axis=2)]
    return export.to("Gather", export.weights("columns", columns.pixels[:, 0].astype(np.int64)), axis=3)


def _scale(n: int, new: int) -> np.float32:
    """new / n, rounded up in float32: n times the scale, rounded down, must be `new`."""
    scale = np.float32(new / n)
    return scale if n * float(scale) >= new else np.nextafter(scale, np.float32(np.inf))

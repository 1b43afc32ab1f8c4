"""Merging, and layers that move values."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fovea.onnx.building import Value, usual
from fovea.onnx.exporters.exporter import LayerExport


def flatten(export: LayerExport) -> Value:
    """Flatten in ONNX's order, channel by channel; the weights of dense layers after it are reordered."""
    value = export.inputs[0]
    flat = export.to("Flatten", axis=1, moved=value.places.reshape(-1))
    return replace(flat, moved=None) if np.array_equal(flat.places, usual(flat.shape)) else flat


def merged(operator: str, of_many: str = "") -> Callable[[LayerExport], Value]:
    """`operator` of two inputs, or `of_many`; channels (N, C) that meet pictures get rows and columns."""

    def exporter(export: LayerExport) -> Value:
        values = [export.exporter.in_order(value) for value in export.inputs]
        export.names = [value.layer for value in values]
        if len(export.shape) == 3:
            for place, value in enumerate(values):
                if len(value.shape) == 1:
                    name = f"{export.layer.name}.input{place}"
                    axes = export.weights(f"axes{place}", np.array((2, 3), np.int64))
                    export.names[place] = export.exporter.add("Unsqueeze", [value.layer, axes], name, name)
        if len(export.names) > 2 and of_many:
            return export.to(of_many)
        first, *others, last = export.names
        for place, other in enumerate(others):
            name = f"{export.layer.name}.some{place}"
            first = export.exporter.add(operator, [first, other], name, name)
        export.names = [first, last]
        return export.to(operator)

    return exporter


def concat(export: LayerExport) -> Value:
    export.names = [export.exporter.in_order(value).layer for value in export.inputs]
    return export.to("Concat", axis=1)


def shortcut(export: LayerExport) -> Value:
    layer: Any = export.layer
    name, more = export.layer.name, export.shape[2] - export.inputs[0].shape[2]
    ends = [export.weights(key, np.array(numbers, np.int64)) for key, numbers in (
        ("starts", (0, 0)), ("ends", export.inputs[0].shape[:2]), ("axes", (2, 3)), ("steps", layer.stride)
    )]  # fmt: skip
    if not more:
        return export.to("Slice", *ends)
    export.names = [export.exporter.add("Slice", [*export.names, *ends], f"{name}.some", f"{name}.some")]
    return export.to("Pad", export.weights("pads", np.array((0, 0, 0, 0, 0, more, 0, 0), np.int64)))


def depth_to_space(export: LayerExport) -> Value:
    layer: Any = export.layer
    return export.to("DepthToSpace", blocksize=layer.block, mode=layer.mode)


def space_to_depth(export: LayerExport) -> Value:
    """SpaceToDepth in ONNX's order of the channels; the other order is a selection after it."""
    layer: Any = export.layer
    b, C = layer.block, export.inputs[0].shape[2]
    if layer.mode == "DCR":
        return export.to("SpaceToDepth", blocksize=b)
    deep = f"{layer.name}.deep"
    export.names = [export.exporter.add("SpaceToDepth", export.names, deep, deep, blocksize=b)]
    return export.to(
        "Gather", export.weights("order", np.arange(b * b * C).reshape(b * b, C).T.reshape(-1)), axis=1
    )


def channels(export: LayerExport) -> Value:
    layer: Any = export.layer
    return export.to("Gather", export.weights("order", np.array(layer.order, np.int64)), axis=1)


def removed(export: LayerExport) -> Value:
    return export.inputs[0]

"""Merging, and layers that move values."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fovea.onnx.building import Value, usual
from fovea.onnx.exporters.exporter import LayerExport


def flatten(one: LayerExport) -> Value:
    """Flatten in ONNX's order, channel by channel; the weights of dense layers after it are reordered."""
    value = one.inputs[0]
    flat = one.to("Flatten", axis=1, moved=value.places.reshape(-1))
    return replace(flat, moved=None) if np.array_equal(flat.places, usual(flat.shape)) else flat


def merged(operator: str, of_many: str = "") -> Callable[[LayerExport], Value]:
    """`operator` of two inputs, or `of_many`; channels (N, C) that meet pictures get rows and columns."""

    def merged(one: LayerExport) -> Value:
        values = [one.exporter.in_order(value) for value in one.inputs]
        one.names = [value.layer for value in values]
        if len(one.shape) == 3:
            for place, value in enumerate(values):
                if len(value.shape) == 1:
                    name = f"{one.layer.name}.input{place}"
                    axes = one.weights(f"axes{place}", np.array((2, 3), np.int64))
                    one.names[place] = one.exporter.add("Unsqueeze", [value.layer, axes], name, name)
        if len(one.names) > 2 and of_many:
            return one.to(of_many)
        first, *others, last = one.names
        for place, other in enumerate(others):
            name = f"{one.layer.name}.some{place}"
            first = one.exporter.add(operator, [first, other], name, name)
        one.names = [first, last]
        return one.to(operator)

    return merged


def concat(one: LayerExport) -> Value:
    one.names = [one.exporter.in_order(value).layer for value in one.inputs]
    return one.to("Concat", axis=1)


def shortcut(one: LayerExport) -> Value:
    layer: Any = one.layer
    name, more = one.layer.name, one.shape[2] - one.inputs[0].shape[2]
    ends = [one.weights(key, np.array(numbers, np.int64)) for key, numbers in (
        ("starts", (0, 0)), ("ends", one.inputs[0].shape[:2]), ("axes", (2, 3)), ("steps", layer.stride)
    )]  # fmt: skip
    if not more:
        return one.to("Slice", *ends)
    one.names = [one.exporter.add("Slice", [*one.names, *ends], f"{name}.some", f"{name}.some")]
    return one.to("Pad", one.weights("pads", np.array((0, 0, 0, 0, 0, more, 0, 0), np.int64)))


def depth_to_space(one: LayerExport) -> Value:
    layer: Any = one.layer
    return one.to("DepthToSpace", blocksize=layer.block, mode=layer.mode)


def space_to_depth(one: LayerExport) -> Value:
    """SpaceToDepth in ONNX's order of the channels; the other order is a selection after it."""
    layer: Any = one.layer
    b, C = layer.block, one.inputs[0].shape[2]
    if layer.mode == "DCR":
        return one.to("SpaceToDepth", blocksize=b)
    deep = f"{layer.name}.deep"
    one.names = [one.exporter.add("SpaceToDepth", one.names, deep, deep, blocksize=b)]
    return one.to(
        "Gather", one.weights("order", np.arange(b * b * C).reshape(b * b, C).T.reshape(-1)), axis=1
    )


def channels(one: LayerExport) -> Value:
    layer: Any = one.layer
    return one.to("Gather", one.weights("order", np.array(layer.order, np.int64)), axis=1)


def gone(one: LayerExport) -> Value:
    return one.inputs[0]

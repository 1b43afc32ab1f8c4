"""Normalisation, and affine maps of channels."""

from typing import Any

import numpy as np

from fovea.onnx.building import Value
from fovea.onnx.exporters.exporter import LayerExport


def batch_norm(export: LayerExport) -> Value:
    layer: Any = export.layer
    value = export.inputs[0]
    order = slice(None) if value.moved is None else value.places
    arrays = {**layer.parameters, **layer.statistics}
    names = [export.weights(name, arrays[name][order]) for name in ("gamma", "beta", "mean", "variance")]
    options = {"epsilon": layer.epsilon, "momentum": 1 - layer.momentum}
    return export.to("BatchNormalization", *names, moved=value.moved, **options)


def instance_norm(export: LayerExport) -> Value:
    layer: Any = export.layer
    export.names = [export.exporter.in_order(export.inputs[0]).layer]
    constants = [export.weights(name) for name in ("gamma", "beta")]
    return export.to("InstanceNormalization", *constants, epsilon=layer.epsilon)


def group_norm(export: LayerExport) -> Value:
    """Normalise each group as one channel, then scale every channel."""
    layer: Any = export.layer
    export.inputs[0] = value = export.exporter.in_order(export.inputs[0])
    add, name, shape = export.exporter.add, layer.name, value.shape
    into = export.weights("into", np.array((0, layer.groups, -1), np.int64))
    shaped = export.weights("shape", np.array((0, shape[-1], *shape[:-1]), np.int64))
    plain = [
        export.weights(key, np.full(layer.groups, n, np.float32)) for key, n in (("ones", 1), ("zeros", 0))
    ]
    x = add("Reshape", [value.layer, into], f"{name}.groups", f"{name}.groups")
    x = add("InstanceNormalization", [x, *plain], f"{name}.x", f"{name}.x", epsilon=layer.epsilon)
    x = add("Reshape", [x, shaped], f"{name}.back", f"{name}.back")
    export.names = [add("Mul", [x, export.per_channel("gamma")], f"{name}.scaled", f"{name}.scaled")]
    return export.to("Add", export.per_channel("beta"))


def layer_norm(export: LayerExport) -> Value:
    """Normalise over the last axis, between transpositions to channels last and back."""
    layer: Any = export.layer
    value, add, name = export.exporter.in_order(export.inputs[0]), export.exporter.add, layer.name
    constants = [export.weights(key) for key in ("gamma", "beta")]
    options = {"axis": -1, "epsilon": layer.epsilon}
    export.names = [value.layer]
    if len(value.shape) == 1:
        return export.to("LayerNormalization", *constants, **options)
    x = add("Transpose", export.names, f"{name}.last", f"{name}.last", perm=(0, 2, 3, 1))
    export.names = [add("LayerNormalization", [x, *constants], f"{name}.x", f"{name}.x", **options)]
    return export.to("Transpose", perm=(0, 3, 1, 2))


def affine(export: LayerExport) -> Value:
    """Scale each channel, and shift it if there is a bias."""
    layer: Any = export.layer
    value = export.inputs[0]
    if not layer.bias:
        return export.to("Mul", export.per_channel("gamma"), moved=value.moved)
    scaled = f"{layer.name}.scaled"
    export.names = [export.exporter.add("Mul", [*export.names, export.per_channel("gamma")], scaled, scaled)]
    return export.to("Add", export.per_channel("beta"), moved=value.moved)

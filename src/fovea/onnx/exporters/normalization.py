"""Normalisation, and affine maps of channels."""

from typing import Any

import numpy as np

from fovea.onnx.building import Value
from fovea.onnx.exporters.exporter import LayerExport


def batch_norm(one: LayerExport) -> Value:
    layer: Any = one.layer
    value = one.inputs[0]
    order = slice(None) if value.moved is None else value.places
    arrays = {**layer.parameters, **layer.statistics}
    names = [one.weights(name, arrays[name][order]) for name in ("gamma", "beta", "mean", "variance")]
    how = {"epsilon": layer.epsilon, "momentum": 1 - layer.momentum}
    return one.to("BatchNormalization", *names, moved=value.moved, **how)


def instance_norm(one: LayerExport) -> Value:
    layer: Any = one.layer
    one.names = [one.exporter.in_order(one.inputs[0]).layer]
    own = [one.weights(name) for name in ("gamma", "beta")]
    return one.to("InstanceNormalization", *own, epsilon=layer.epsilon)


def group_norm(one: LayerExport) -> Value:
    """Normalise each group as one channel, then scale every channel."""
    layer: Any = one.layer
    one.inputs[0] = value = one.exporter.in_order(one.inputs[0])
    add, name, shape = one.exporter.add, layer.name, value.shape
    into = one.weights("into", np.array((0, layer.groups, -1), np.int64))
    shaped = one.weights("shape", np.array((0, shape[-1], *shape[:-1]), np.int64))
    plain = [one.weights(key, np.full(layer.groups, n, np.float32)) for key, n in (("ones", 1), ("zeros", 0))]
    x = add("Reshape", [value.layer, into], f"{name}.groups", f"{name}.groups")
    x = add("InstanceNormalization", [x, *plain], f"{name}.x", f"{name}.x", epsilon=layer.epsilon)
    x = add("Reshape", [x, shaped], f"{name}.back", f"{name}.back")
    one.names = [add("Mul", [x, one.per_channel("gamma")], f"{name}.scaled", f"{name}.scaled")]
    return one.to("Add", one.per_channel("beta"))


def layer_norm(one: LayerExport) -> Value:
    """Normalise over the last axis, between transpositions to channels last and back."""
    layer: Any = one.layer
    value, add, name = one.exporter.in_order(one.inputs[0]), one.exporter.add, layer.name
    own, how = [one.weights(key) for key in ("gamma", "beta")], {"axis": -1, "epsilon": layer.epsilon}
    one.names = [value.layer]
    if len(value.shape) == 1:
        return one.to("LayerNormalization", *own, **how)
    x = add("Transpose", one.names, f"{name}.last", f"{name}.last", perm=(0, 2, 3, 1))
    one.names = [add("LayerNormalization", [x, *own], f"{name}.x", f"{name}.x", **how)]
    return one.to("Transpose", perm=(0, 3, 1, 2))


def affine(one: LayerExport) -> Value:
    """Scale each channel, and shift it if there is a bias."""
    layer: Any = one.layer
    value = one.inputs[0]
    if not layer.bias:
        return one.to("Mul", one.per_channel("gamma"), moved=value.moved)
    scaled = f"{layer.name}.scaled"
    one.names = [one.exporter.add("Mul", [*one.names, one.per_channel("gamma")], scaled, scaled)]
    return one.to("Add", one.per_channel("beta"), moved=value.moved)

"""A model under construction, and the export of a single layer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from fovea.layers.base import Layer, Shape
from fovea.onnx.building import Value


class Exporter:
    """Nodes and constants of a model under construction. A `Value`'s `layer` is the name of its tensor."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._ordered = set[str]()

    def add(self, operator: str, inputs: Sequence[str], output: str, name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=name, **attributes))
        return output

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def in_order(self, value: Value) -> Value:
        """`value` in Fovea's order; a tensor in another order is transposed."""
        if value.moved is None:
            return value
        name = f"{value.layer}.ordered"
        if name not in self._ordered:
            order = self.constant(f"{value.layer}.order", np.argsort(value.places))
            self.add("Gather", [value.layer, order], name, name, axis=1)
            self._ordered.add(name)
        return replace(value, layer=name, moved=None)

    def outputs(self, values: Mapping[str, Value]) -> None:
        """Name the tensors of these values, in Fovea's order; a tensor inside that has one of the names is
        renamed."""
        tensors = {name: self.in_order(value).layer for name, value in values.items()}
        renamed = {name: f"{name}.inside" for name, tensor in tensors.items() if tensor != name}
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [renamed.get(name, name) for name in names]
        for name in renamed:
            tensor = tensors[name]
            self.add("Identity", [renamed.get(tensor, tensor)], name, f"{name}.given")


class LayerExport:
    """The export of one layer, whose operators are named after it."""

    def __init__(self, exporter: Exporter, layer: Layer, inputs: Sequence[Value], shape: Shape) -> None:
        self.exporter, self.layer, self.inputs, self.shape = exporter, layer, list(inputs), shape
        self.names = [value.layer for value in inputs]

    def weights(self, name: str, array: np.ndarray | None = None) -> str:
        """The parameter or statistic `name`, or `array` in its place, as a constant."""
        if array is None:
            array = {**self.layer.parameters, **self.layer.statistics}[name]
        return self.exporter.constant(f"{self.layer.name}.{name}", array)

    def to(self, operator: str, *more: str, moved: np.ndarray | None = None, **attributes: Any) -> Value:
        """The layer's output, by `operator` from its inputs and constants."""
        name = self.layer.name
        self.exporter.add(operator, [*self.names, *more], name, name, **attributes)
        return Value(name, self.shape, moved)

    def per_channel(self, name: str) -> str:
        """A parameter of each channel, as it broadcasts to the input."""
        array, value = self.layer.parameters[name], self.inputs[0]
        if value.moved is not None:
            return self.weights(name, array[value.places % len(array)])
        return self.weights(name, array.reshape(-1, *(1,) * (len(value.shape) - 1)))

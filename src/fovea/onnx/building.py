"""A network under construction, while a model is imported.

A tensor of the model is described by the positions of its numbers in a layer's output: `Value.places` has the
tensor's shape, without the batch axis, and holds each number's index in the flattened output. So channels
first and channels last differ only in places; operators that only move data are applied to the places, with
the same functions; and the rows of a dense layer's weights are reordered by the places of their inputs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from fovea.errors import DataError, ShapeError, mismatch
from fovea.layers import Flatten, Layer, Pad2D
from fovea.layers.base import Shape, pack_inputs
from fovea.network import Network
from fovea.network.graph import INPUT, NAME, Node
from fovea.onnx.bounds import FREE, Room, brief
from fovea.onnx.graph import Graph, Step
from fovea.onnx.layouts import Pads
from fovea.onnx.rearranging import rearranged

NO_PADS = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the model: numbers of the output of `layer`, or of the network's input if that is "input";
    the output has the shape `shape`, (H, W, C) or (n,).

    `moved` holds the places, or None for the usual order: channels first for (H, W, C), unchanged for (n,).
    `pads` are zeros around the pictures that no layer has added yet, or with `mirror` their reflection in
    their border pixels. `alone` is True if only one step reads
    the tensor. `merged` has the places within the whole batch if the tensor's first axis is not the pictures,
    as in (N · P, C); only operators that move data, and dense layers, accept it.
    """

    layer: str
    shape: Shape
    moved: np.ndarray | None = None
    pads: Pads = NO_PADS
    mirror: bool = False
    alone: bool = False
    merged: np.ndarray | None = None

    @cached_property
    def places(self) -> np.ndarray:
        return usual(self.shape) if self.moved is None else self.moved

    @property
    def tensor_shape(self) -> Shape:
        """The tensor's shape, without the batch axis."""
        if self.moved is not None or len(self.shape) == 1:
            return self.places.shape
        (H, W, C), (top, bottom, left, right) = self.shape, self.pads
        return C, H + top + bottom, W + left + right

    @property
    def whole(self) -> bool:
        """True if the tensor has every number of the layer's output once."""
        return self.moved is None or (self.distinct and self.places.size == prod(self.shape))

    @cached_property
    def distinct(self) -> bool:
        """True if the tensor has no number of the layer's output twice."""
        seen = np.zeros(prod(self.shape), bool)
        seen[self.places] = True
        return int(np.count_nonzero(seen)) == self.places.size


def usual(shape: Shape) -> np.ndarray:
    """The places of a whole output in the usual order. Raises ShapeError if there are too many."""
    if prod(shape) > FREE:
        raise ShapeError(mismatch("its input", f"at most {FREE:,} numbers to move", f"{prod(shape):,}"))
    places = np.arange(prod(shape)).reshape(shape)
    return places.transpose(2, 0, 1) if len(shape) == 3 else places


def layer_names(outputs: Iterable[str]) -> list[str]:
    """Distinct layer names for a model's outputs: "_" replaces characters that a layer's name cannot have,
    and names that are then equal are numbered."""
    counts: dict[str, int] = {}  # name → the number of outputs with it
    for output in outputs:
        name = output
        if not NAME.fullmatch(output) or output == INPUT:
            name = re.sub(r"[^\w-]", "_", output).strip("_")
            name = name if NAME.fullmatch(name) and name != INPUT else f"output_{name}".rstrip("_")
        base = name
        while name in counts:
            counts[base] += 1
            name = f"{base}_{counts[base]}"
        counts[name] = 1
    return list(counts)


class Builder:
    """Collects layers with their parameters, and builds a network from them."""

    step: Step  # being imported

    def __init__(self, graph: Graph, batch: int, named: bool = False) -> None:
        """`named`: True if the network's outputs are to have names."""
        self.graph, self.batch, self.named = graph, batch, named
        self.room = Room.beside(graph.constants.values())
        self.layers: dict[str, Layer] = {}
        self.arrays: dict[str, dict[str, np.ndarray]] = {}  # layer → its parameters and statistics
        self._sources: dict[str, tuple[str, ...]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def last(self) -> bool:
        """True if the step computes the model's only output, which has no name in the network."""
        return not self.named and self.step.outputs[0] in self.graph.outputs

    def add(self, layer: Layer, *sources: Value, **arrays: np.ndarray) -> Value:
        """Add a layer with these inputs; `arrays` are its parameters and statistics. Returns its output, in
        the usual order."""
        n_in = pack_inputs(layer, [source.shape for source in sources])
        shape = tuple(layer.output_shape(n_in))
        for key, expected in {**layer.parameter_shapes(n_in), **layer.statistic_shapes(n_in)}.items():
            if arrays[key].shape != expected:
                raise ShapeError(mismatch(f"its {key}", expected, arrays[key].shape))
        self._counts[layer.kind] += 1
        name = f"{layer.kind}{self._counts[layer.kind]}"
        self.layers[name], self.arrays[name] = layer, {}
        self.set_arrays(name, **arrays)
        self._sources[name] = tuple(source.layer for source in sources)
        return Value(name, shape)

    def set_arrays(self, name: str, **arrays: np.ndarray) -> None:
        """Set arrays of the layer `name`. Raises DataError unless all their numbers are finite."""
        for key, array in arrays.items():
            if not np.isfinite(array).all():
                raise DataError(mismatch(f"its {key}", "finite numbers", "NaN or infinity"))
            self.arrays[name][key] = array

    def pictures(self, value: Any) -> Value:
        """`value` as pictures in the usual order, with its padding. Raises ShapeError."""
        value = self.ready(value)
        if value.moved is not None or len(value.shape) != 3:
            got = (
                f"{('N', *value.tensor_shape)} in another order" if value.moved is not None else "rows (N, n)"
            )
            raise ShapeError(mismatch("its input", "pictures (N, C, H, W)", got))
        return value

    def rows(self, value: Any) -> Value:
        """`value` as rows (N, n), in any order."""
        value = self.ready(value)
        if len(value.tensor_shape) != 1:
            raise ShapeError(mismatch("its input", "rows (N, n)", ("N", *value.tensor_shape)))
        return value

    def ready(self, value: Any) -> Value:
        """`value` as a layer's input: padded, and in the usual order if layers can rearrange it."""
        value = self.settled(value)
        if value.moved is None or len(value.shape) != 3 or value.moved.ndim != 3:
            return value
        layers = rearranged(value.shape, value.places)
        if layers is None:
            return value
        value = replace(value, moved=None)
        for layer in layers:
            value = replace(self.add(layer, value), alone=True)
        return value

    def settled(self, value: Any) -> Value:
        """`value` with its padding added by a layer."""
        value = self.value(value)
        if value.pads == NO_PADS:
            return value
        layer = Pad2D(value.pads, "mirror" if value.mirror else "constant")
        return replace(self.padded(layer, replace(value, pads=NO_PADS, mirror=False)), alone=True)

    def padded(self, layer: Pad2D, value: Value) -> Value:
        """Add the padding `layer`, if there is room for its output."""
        (H, W, C), (top, bottom, left, right) = value.shape, layer.sides
        self.room.take(max(H + top + bottom, 0) * max(W + left + right, 0) * C)
        return self.add(layer, value)

    def value(self, value: Any) -> Value:
        """`value`, if it is a tensor (N, …) that the network computes. Raises ShapeError."""
        if not isinstance(value, Value):
            raise ShapeError(mismatch("its input", "a tensor that the network computes", "a constant"))
        if value.merged is not None:
            got = f"{value.merged.shape} of {self.batch} pictures"
            raise ShapeError(mismatch("its input", "one part per picture, (N, …)", got))
        return value

    def moved(self, value: Value, places: np.ndarray) -> Value:
        """`value` with other `places`, in the tensor's new shape; if that has one axis, the pictures are
        flattened."""
        if not places.size:
            raise ShapeError(mismatch("its result", "some of the numbers", "none of them"))
        if places.ndim == 1 and len(value.shape) == 3:
            flat = self.add(Flatten(), value)
            value = replace(flat, alone=value.alone)
        same = places.shape == usual(value.shape).shape and bool((places == usual(value.shape)).all())
        return replace(value, moved=None if same else places, merged=None)

    def numbers(self, constant: Any, place: int) -> np.ndarray:
        """The step's constant input number `place`, as float32. Raises ShapeError for a computed tensor, and
        DataError for a constant that is not finite numbers."""
        name = self.step.inputs[place] if place < len(self.step.inputs) else ""
        if not isinstance(constant, np.ndarray):
            raise ShapeError(
                mismatch(f'"{brief(name)}"', "constant numbers", "a tensor that the network computes")
            )
        if constant.dtype.kind not in "fiub":
            raise DataError(mismatch(f'"{brief(name)}"', "numbers", "text or complex numbers"))
        if not np.isfinite(constant).all():
            raise DataError(mismatch(f'"{brief(name)}"', "finite numbers", "NaN or infinity"))
        return constant.astype(np.float32)

    def network(self, outputs: Mapping[str, Value], input_shape: Shape) -> Network:
        """A network of the layers that the model's `outputs` need. Raises ShapeError if there are none."""
        names = layer_names(outputs) if self.named else []
        renamed = {INPUT: INPUT}  # layer here → its name in the network
        for name, value in zip(names, outputs.values(), strict=bool(names)):
            if value.layer in renamed:  # a second output of that layer gets an identity layer of its own
                value = self.add(Flatten() if len(value.shape) == 1 else Pad2D(0), value)
            renamed[value.layer] = name
        needed = {*renamed} if names else {value.layer for value in outputs.values()}
        for name in reversed(self.layers):
            needed |= set(self._sources[name]) if name in needed else set()
        kept, used = [name for name in self.layers if name in needed], set(names)
        for name in [name for name in kept if name not in renamed]:
            renamed[name] = name
            while renamed[name] in used:
                renamed[name] += "_"
            used.add(renamed[name])
        nodes = [
            Node(self.layers[name], renamed[name], tuple(renamed[source] for source in self._sources[name]))
            for name in kept
        ]
        network = Network(nodes, input_shape, seed=None, outputs=names)
        for layer in kept:
            for name, array in self.arrays[layer].items():
                key = f"{renamed[layer]}.{name}"
                (network.parameters if key in network.parameters else network.statistics)[key][...] = array
        return network

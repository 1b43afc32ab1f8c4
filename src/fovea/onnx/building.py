"""A network in the making, while a model of ONNX is gone through.

A tensor of the model is followed by where its numbers stand in what a layer here gives out: `Value.places`
has the tensor's shape, without the batch axis, and in it each number's position in the layer's output laid
out flat. So channels first and channels last differ by nothing but places; what only moves data moves places,
by the same functions that move data; and a dense layer's weights go to the rows that their inputs stand at.
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
from fovea.layers.base import Shape
from fovea.network import Network
from fovea.network.graph import INPUT, NAME, Node
from fovea.onnx.bounds import FREE, Room, brief
from fovea.onnx.graph import Graph, Step
from fovea.onnx.layouts import Pads
from fovea.onnx.rearranging import rearranged

NO_PADS = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Value:
    """What a tensor of the model has: numbers of the output of `layer`, "input" for the network's own, whose
    shape here is `shape`, (H, W, C) or (n,).

    `moved` is `places` where the order is not the usual one: channels first of (H, W, C), the same for (n,).
    `pads` are zeros around the pictures that no layer has added yet. `alone` says that one step takes it in.
    `merged` has the places in a batch, one picture after another, where the tensor does not keep pictures
    apart, as (N · P, C); only what moves data, and dense layers, take it in.
    """

    layer: str
    shape: Shape
    moved: np.ndarray | None = None
    pads: Pads = NO_PADS
    alone: bool = False
    merged: np.ndarray | None = None

    @cached_property
    def places(self) -> np.ndarray:
        return usual(self.shape) if self.moved is None else self.moved

    @property
    def tensor_shape(self) -> Shape:
        """The tensor's, without the batch axis."""
        if self.moved is not None or len(self.shape) == 1:
            return self.places.shape
        (H, W, C), (top, bottom, left, right) = self.shape, self.pads
        return C, H + top + bottom, W + left + right

    @property
    def whole(self) -> bool:
        """Whether every number of the layer's output is there once."""
        return self.moved is None or (self.distinct and self.places.size == prod(self.shape))

    @cached_property
    def distinct(self) -> bool:
        """Whether no number of the layer's output is there twice."""
        seen = np.zeros(prod(self.shape), bool)
        seen[self.places] = True
        return int(np.count_nonzero(seen)) == self.places.size


def usual(shape: Shape) -> np.ndarray:
    if prod(shape) > FREE:
        raise ShapeError(mismatch("its input", f"at most {FREE:,} numbers to move", f"{prod(shape):,}"))
    places = np.arange(prod(shape)).reshape(shape)
    return places.transpose(2, 0, 1) if len(shape) == 3 else places


def layer_names(outputs: Iterable[str]) -> list[str]:
    """Different names of layers for a model's outputs: the same where these are such names, else with "_" for
    what a layer's name cannot have; a number tells those apart that are then alike."""
    found: dict[str, int] = {}  # and how many there were of it
    for output in outputs:
        name = output
        if not NAME.fullmatch(output) or output == INPUT:
            name = re.sub(r"[^\w-]", "_", output).strip("_")
            name = name if NAME.fullmatch(name) and name != INPUT else f"output_{name}".rstrip("_")
        alike = name
        while name in found:
            found[alike] += 1
            name = f"{alike}_{found[alike]}"
        found[name] = 1
    return list(found)


class Builder:
    """Takes layers one by one, each with its parameters, and makes a network of them."""

    step: Step  # the one that is being imported

    def __init__(self, graph: Graph, batch: int, named: bool = False) -> None:
        """`named` says that the network's outputs will have names."""
        self.graph, self.batch, self.named = graph, batch, named
        self.room = Room.beside(graph.constants.values())
        self.layers: dict[str, Layer] = {}
        self.arrays: dict[str, dict[str, np.ndarray]] = {}  # layer → its parameters and statistics
        self._sources: dict[str, tuple[str, ...]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def last(self) -> bool:
        """Whether the step gives the one output of the model, which has no name in the network."""
        return not self.named and self.step.outputs[0] in self.graph.outputs

    def add(self, layer: Layer, *sources: Value, **arrays: np.ndarray) -> Value:
        """The output of `layer`, in the usual order, for what it takes in; `arrays` are its parameters and
        statistics."""
        shapes = [source.shape for source in sources]
        taken: Any = tuple(shapes) if layer.merges else shapes[0]
        shape = tuple(layer.output_shape(taken))
        for key, own in {**layer.parameter_shapes(taken), **layer.statistic_shapes(taken)}.items():
            if arrays[key].shape != own:
                raise ShapeError(mismatch(f"its {key}", own, arrays[key].shape))
            if not np.isfinite(arrays[key]).all():
                raise DataError(mismatch(f"its {key}", "finite numbers", "NaN or infinity"))
        self._counts[layer.kind] += 1
        name = f"{layer.kind}{self._counts[layer.kind]}"
        self.layers[name], self.arrays[name] = layer, arrays
        self._sources[name] = tuple(source.layer for source in sources)
        return Value(name, shape)

    def pictures(self, value: Any) -> Value:
        """`value` as pictures in the usual order, padding and all."""
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
        """`value` for a layer: with its padding; and where its numbers stand in another order that layers can
        make, behind these."""
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
        """`value` with its padding in a layer."""
        value = self.value(value)
        if value.pads == NO_PADS:
            return value
        return replace(self.padded(Pad2D(value.pads), replace(value, pads=NO_PADS)), alone=True)

    def padded(self, layer: Pad2D, value: Value) -> Value:
        """The output of `layer`, if there is room for it."""
        (H, W, C), (top, bottom, left, right) = value.shape, layer.sides
        self.room.take(max(H + top + bottom, 0) * max(W + left + right, 0) * C)
        return self.add(layer, value)

    def value(self, value: Any) -> Value:
        if not isinstance(value, Value):
            raise ShapeError(mismatch("its input", "what the network computes", "a constant"))
        if value.merged is not None:
            got = f"{value.merged.shape} of {self.batch} pictures"
            raise ShapeError(mismatch("its input", "every picture for itself, (N, …)", got))
        return value

    def moved(self, value: Value, places: np.ndarray) -> Value:
        """The numbers at `places`, of the tensor's new shape, of the layer's output; rows of them where the
        tensor has one axis."""
        if not places.size:
            raise ShapeError(mismatch("its result", "some of the numbers", "none of them"))
        if places.ndim == 1 and len(value.shape) == 3:
            flat = self.add(Flatten(), value)
            value = replace(flat, alone=value.alone)
        same = places.shape == usual(value.shape).shape and bool((places == usual(value.shape)).all())
        return replace(value, moved=None if same else places, merged=None)

    def numbers(self, constant: Any, place: int) -> np.ndarray:
        """A constant input in float32, if it is one. `place` is its place among the inputs."""
        name = self.step.inputs[place] if place < len(self.step.inputs) else ""
        if not isinstance(constant, np.ndarray):
            raise ShapeError(mismatch(f'"{brief(name)}"', "constant numbers", "what the network computes"))
        if constant.dtype.kind not in "fiub":
            raise DataError(mismatch(f'"{brief(name)}"', "numbers", "text or complex numbers"))
        if not np.isfinite(constant).all():
            raise DataError(mismatch(f'"{brief(name)}"', "finite numbers", "NaN or infinity"))
        return constant.astype(np.float32)

    def network(self, outputs: Mapping[str, Value], input_shape: Shape) -> Network:
        """The layers that lead to `outputs` of the model, as a network. Raises ShapeError for none."""
        names = layer_names(outputs) if self.named else []
        called = {INPUT: INPUT}  # by which names, where they are not their own
        for name, value in zip(names, outputs.values(), strict=bool(names)):
            if value.layer in called:  # it needs a layer of its own, which changes nothing
                value = self.add(Flatten() if len(value.shape) == 1 else Pad2D(0), value)
            called[value.layer] = name
        wanted = {*called} if names else {value.layer for value in outputs.values()}
        for name in reversed(self.layers):
            wanted |= set(self._sources[name]) if name in wanted else set()
        kept, taken = [name for name in self.layers if name in wanted], set(names)
        for name in [name for name in kept if name not in called]:
            called[name] = name
            while called[name] in taken:
                called[name] += "_"
            taken.add(called[name])
        nodes = [
            Node(self.layers[name], called[name], tuple(called[source] for source in self._sources[name]))
            for name in kept
        ]
        network = Network(nodes, input_shape, seed=None, outputs=names)
        for layer in kept:
            for name, array in self.arrays[layer].items():
                key = f"{called[layer]}.{name}"
                (network.parameters if key in network.parameters else network.statistics)[key][...] = array
        return network

"""The connections between layers: a list of layers, or a graph of named ones.

    Network([Conv2D(8, 3), ReLU()], …)                      each feeds the next

    Network({                                               a residual block
        "conv1": Conv2D(8, 3, padding="same"),
        "relu1": ReLU(),
        "conv2": Conv2D(8, 3, padding="same"),
        "sum": (Add(), "conv2", "conv1"),                   a layer, and the names of its inputs
    }, …)

"input" is the network's own input. The graph has no cycle. The one layer that feeds no other is the
network's output; or `outputs` names several layers, which may feed others as well:

    Network({
        "stem": Conv2D(8, 3),
        "boxes": (Conv2D(4, 1), "stem"),
        "classes": (Conv2D(10, 1), "stem"),
    }, …, outputs=("boxes", "classes"))
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, NamedTuple, TypeAlias

from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Layer
from fovea.ranges import short

INPUT = "input"
PICTURE = -1  # the number of the network's input among a graph's sources
MOST = 10_000  # layers

NAME = re.compile(r"[A-Za-z_][\w-]*")


class Node(NamedTuple):
    """A layer in a graph: its name, "" to be named by kind and count; and the names of its inputs, none for
    the layer before it."""

    layer: Layer
    name: str = ""
    after: tuple[str, ...] = ()


Entries: TypeAlias = Any  # an iterable of layers and nodes, or a mapping of names to entries


@dataclass(frozen=True)
class Graph:
    """Named layers in an order where each comes after its inputs.

    sources: for each layer, the numbers of its inputs; PICTURE for the network's input. outputs: the names of
    the output layers; none if the last layer is the only one. output_numbers: their numbers."""

    layers: list[Layer]
    sources: list[tuple[int, ...]]
    outputs: tuple[str, ...]
    output_numbers: tuple[int, ...]

    @classmethod
    def of(cls, entries: Entries, outputs: Sequence[str] = ()) -> "Graph":
        """The graph of `entries`. Raises ShapeError for an invalid graph, and then leaves all layers
        unnamed."""
        nodes = _nodes(entries)
        names = _names(nodes)
        sources = _sources(nodes, names)
        outputs = _checked(outputs, names)
        order = _order(names, sources, outputs)
        numbers = {name: number for number, name in enumerate(names)}
        place = {number: place for place, number in enumerate(order)} | {PICTURE: PICTURE}
        for node, name in zip(nodes, names, strict=True):
            node.layer.name = name
        return cls(
            [nodes[number].layer for number in order],
            [tuple(place[source] for source in sources[number]) for number in order],
            outputs,
            tuple(place[numbers[name]] for name in outputs) or (len(order) - 1,),
        )

    def consumers(self) -> list[list[int]]:
        """For each layer, the numbers of the layers that it feeds."""
        return consumers(self.sources)

    def nodes(self) -> list[Node]:
        """The nodes that `of` builds this graph from, without the names and inputs that are its defaults."""
        names = [layer.name for layer in self.layers]
        if names == _names([Node(layer) for layer in self.layers]):
            names = [""] * len(names)  # all or none: one name that is given may shift the count of others
        return [
            Node(layer, name, () if sources == (number - 1,) else tuple(map(self._name, sources)))
            for number, (layer, name, sources) in enumerate(
                zip(self.layers, names, self.sources, strict=True)
            )
        ]

    def _name(self, number: int) -> str:
        return INPUT if number == PICTURE else self.layers[number].name


def check_count(layers: int) -> None:
    """Raise ShapeError for more than MOST layers."""
    if layers > MOST:
        raise ShapeError(mismatch("Network", f"at most {MOST:,} layers", f"{layers:,}"))


def consumers(sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """For each layer, the numbers of the layers that it feeds, ascending."""
    fed: list[list[int]] = [[] for _ in sources]
    for number, inputs in enumerate(sources):
        for source in inputs:
            if source != PICTURE:
                fed[source].append(number)
    return fed


def _nodes(entries: Entries) -> list[Node]:
    """At least one node, whose layers belong to no other node and no other network."""
    nodes: list[Node] = []
    if isinstance(entries, Mapping):
        for name, entry in entries.items():
            parts: tuple[Any, ...] = entry if isinstance(entry, tuple) and entry else (entry,)
            nodes.append(Node(parts[0], name, parts[1:]))
    else:
        nodes = [entry if isinstance(entry, Node) else Node(entry) for entry in entries]
    if not nodes:
        raise ShapeError(mismatch("Network", "at least one layer", "none"))
    check_count(len(nodes))
    seen: set[int] = set()
    for position, (layer, _, _) in enumerate(nodes, start=1):
        who = f"Network, layer {position}"
        if not isinstance(layer, Layer):
            remedy = f"write {layer.__name__}(…)" if isinstance(layer, type) else ""
            raise ShapeError(mismatch(who, "a Layer", repr(layer), remedy))
        if layer.name or id(layer) in seen:
            remedy = "make a new one, a layer belongs to one place in one network"
            raise ShapeError(mismatch(who, "a layer that is not in use", layer.who, remedy))
        seen.add(id(layer))
    return nodes


def _names(nodes: Sequence[Node]) -> list[str]:
    """Each node's name: given, or its layer's kind and count: "conv1", "relu1", "conv2"."""
    given = Counter(node.name for node in nodes if node.name)
    for name, count in given.items():
        if not isinstance(name, str) or not NAME.fullmatch(name) or name == INPUT:
            remedy = f"letters, digits, _ and -; {INPUT!r} is the network's input"
            raise ShapeError(mismatch("Network", "a layer's name", repr(name), remedy))
        if count > 1:
            raise ShapeError(mismatch("Network", f"one layer named {name!r}", count))
    names, counts = [], Counter[str]()
    for node in nodes:
        name = node.name
        while not name:
            counts[node.layer.kind] += 1
            candidate = f"{node.layer.kind}{counts[node.layer.kind]}"
            name = "" if candidate in given else candidate
        names.append(name)
    return names


def _sources(nodes: Sequence[Node], names: Sequence[str]) -> list[tuple[int, ...]]:
    """The numbers of each node's inputs."""
    numbers = {name: number for number, name in enumerate(names)} | {INPUT: PICTURE}
    sources = []
    for number, (layer, _, after) in enumerate(nodes):
        for source in after:
            if source not in numbers:
                expected = f"names of layers as inputs ({_some(list(numbers))})"
                raise ShapeError(mismatch(f"Network, {names[number]}", expected, short(source)))
        if len(after) > 1 and not layer.merges:
            who = f"Network, {names[number]}"
            raise ShapeError(mismatch(who, f"one input to a {type(layer).__name__}", ", ".join(after)))
        sources.append(tuple(numbers[source] for source in after) or (number - 1,))
    return sources


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else ", ".join(names[:10]) + f" and {len(names) - 10:,} more"


def _checked(outputs: Any, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the output layers, each of them in `names`, none twice."""
    if not isinstance(outputs, list | tuple):
        remedy = 'write outputs=("boxes", "classes")'
        raise ShapeError(mismatch("Network", "outputs as a tuple of layers' names", short(outputs), remedy))
    left = set(names)
    for name in outputs:
        if not isinstance(name, str) or name not in left:
            expected = f"different names of layers in outputs ({_some(list(names))})"
            raise ShapeError(mismatch("Network", expected, short(outputs)))
        left.remove(name)
    return tuple(outputs)


def _order(names: Sequence[str], sources: Sequence[tuple[int, ...]], outputs: Sequence[str]) -> list[int]:
    """The layers' numbers, each after its sources, otherwise in the order given; the last one is an
    output."""
    fed = consumers(sources)
    ends = [number for number, consumers in enumerate(fed) if not consumers]
    order: list[int] = []
    missing = [sum(source != PICTURE for source in inputs) for inputs in sources]  # inputs not yet in `order`
    ready = [number for number, count in enumerate(missing) if count == 0]  # a heap: the lowest is next
    while ready:
        number = heappop(ready)
        order.append(number)
        for consumer in fed[number]:
            missing[consumer] -= 1
            if missing[consumer] == 0:
                heappush(ready, consumer)
    if len(order) < len(sources):
        circle = _some([name for name, count in zip(names, missing, strict=True) if count])
        remedy = "no layer may depend on its own output"
        raise ShapeError(mismatch("Network", "a graph without a cycle", f"one among {circle}", remedy))
    if not outputs and len(ends) != 1:
        loose = _some([names[n] for n in ends])
        remedy = "connect or remove the others, or name several in outputs="
        raise ShapeError(mismatch("Network", "exactly one output layer", loose, remedy))
    if outputs and (others := sorted({names[n] for n in ends}.difference(outputs))):
        expected = f"layers that lead to an output ({_some(outputs)})"
        remedy = "connect or remove them, or name them in outputs="
        raise ShapeError(mismatch("Network", expected, f"{_some(others)}, which feeds no layer", remedy))
    return order

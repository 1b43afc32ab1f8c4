"""Who takes in whose output: a row of layers, or a graph of named ones.

    Network([Conv2D(8, 3), ReLU()], …)                      each feeds the next

    Network({                                               a residual block
        "conv1": Conv2D(8, 3, padding="same"),
        "relu1": ReLU(),
        "conv2": Conv2D(8, 3, padding="same"),
        "sum": (Add(), "conv2", "conv1"),                   a layer, and the names that it takes in
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
    """A layer in a graph: its name, or "" for its kind and count, and the names of those whose output it
    takes in; none for the one before it."""

    layer: Layer
    name: str = ""
    after: tuple[str, ...] = ()


Entries: TypeAlias = Any  # an iterable of layers and nodes, or a mapping of names to entries


@dataclass(frozen=True)
class Graph:
    """Layers, named, each behind all that it takes in; `sources` has for each the numbers of these, PICTURE
    for the network's input. `outputs` has the names of the output layers, none where the last layer is the
    only one, and `output_numbers` their numbers."""

    layers: list[Layer]
    sources: list[tuple[int, ...]]
    outputs: tuple[str, ...]
    output_numbers: tuple[int, ...]

    @classmethod
    def of(cls, entries: Entries, outputs: Sequence[str] = ()) -> "Graph":
        """Raises ShapeError for what is no graph, and then names no layer."""
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
        """The numbers of the layers that take in each one's output."""
        return consumers(self.sources)

    def nodes(self) -> list[Node]:
        """What `of` makes this graph of; what it would choose by itself is left out."""
        automatic = _names([Node(layer) for layer in self.layers])
        named = [
            "" if own.name == name else own.name for own, name in zip(self.layers, automatic, strict=True)
        ]
        if any(named):  # a name that is given may shift the count of others: give all
            named = [layer.name for layer in self.layers]
        return [
            Node(layer, name, () if sources == (number - 1,) else tuple(map(self._name, sources)))
            for number, (layer, name, sources) in enumerate(
                zip(self.layers, named, self.sources, strict=True)
            )
        ]

    def _name(self, number: int) -> str:
        return INPUT if number == PICTURE else self.layers[number].name


def check_count(layers: int) -> None:
    """Raises ShapeError for more than MOST layers."""
    if layers > MOST:
        raise ShapeError(mismatch("Network", f"at most {MOST:,} layers", f"{layers:,}"))


def consumers(sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """For each number, those whose sources it is among, in order."""
    found: list[list[int]] = [[] for _ in sources]
    for number, own in enumerate(sources):
        for source in own:
            if source != PICTURE:
                found[source].append(number)
    return found


def _nodes(entries: Entries) -> list[Node]:
    """As nodes with layers that are free, one at least."""
    given: list[Node] = []
    if isinstance(entries, Mapping):
        for name, entry in entries.items():
            parts: tuple[Any, ...] = entry if isinstance(entry, tuple) and entry else (entry,)
            given.append(Node(parts[0], name, parts[1:]))
    else:
        given = [entry if isinstance(entry, Node) else Node(entry) for entry in entries]
    if not given:
        raise ShapeError(mismatch("Network", "at least one layer", "none"))
    check_count(len(given))
    taken: set[int] = set()
    for place, (layer, _, _) in enumerate(given, start=1):
        if not isinstance(layer, Layer):
            remedy = f"write {layer.__name__}(…)" if isinstance(layer, type) else ""
            raise ShapeError(mismatch(f"Network, layer {place}", "a Layer", repr(layer), remedy))
        if layer.name or id(layer) in taken:
            remedy = "make a new one, a layer belongs to one place in one network"
            raise ShapeError(mismatch(f"Network, layer {place}", "a layer that is free", layer.who, remedy))
        taken.add(id(layer))
    return given


def _names(nodes: Sequence[Node]) -> list[str]:
    """Each node's name: given, or its layer's kind and count: "conv1", "relu1", "conv2"."""
    given = Counter(node.name for node in nodes if node.name)
    for name, count in given.items():
        if not isinstance(name, str) or not NAME.fullmatch(name) or name == INPUT:
            remedy = f"letters, digits, _ and -; {INPUT!r} is the network's input"
            raise ShapeError(mismatch("Network", "a layer's name", repr(name), remedy))
        if count > 1:
            raise ShapeError(mismatch("Network", f"one layer of the name {name!r}", count))
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
    """Whose output each takes in, by number."""
    numbers = {name: number for number, name in enumerate(names)} | {INPUT: PICTURE}
    sources = []
    for number, (layer, _, after) in enumerate(nodes):
        for source in after:
            if source not in numbers:
                expected = f"names of layers to take in ({_some(list(numbers))})"
                raise ShapeError(mismatch(f"Network, {names[number]}", expected, short(source)))
        if len(after) > 1 and not layer.merges:
            who = f"Network, {names[number]}"
            raise ShapeError(mismatch(who, f"one input to a {type(layer).__name__}", ", ".join(after)))
        sources.append(tuple(numbers[source] for source in after) or (number - 1,))
    return sources


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else ", ".join(names[:10]) + f" and {len(names) - 10:,} more"


def _checked(outputs: Any, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the output layers, each one of `names` and there once."""
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
    """The numbers such that each comes behind its sources, otherwise as given; the last one is an output."""
    taken = consumers(sources)
    ends = [number for number, by in enumerate(taken) if not by]
    order: list[int] = []
    missing = [sum(source != PICTURE for source in own) for own in sources]  # sources that have no place yet
    ready = [
        number for number, count in enumerate(missing) if count == 0
    ]  # a heap: the first of them is next
    while ready:
        number = heappop(ready)
        order.append(number)
        for consumer in taken[number]:
            missing[consumer] -= 1
            if missing[consumer] == 0:
                heappush(ready, consumer)
    if len(order) < len(sources):
        circle = _some([name for name, count in zip(names, missing, strict=True) if count])
        remedy = "no layer may take in what comes of its own output"
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

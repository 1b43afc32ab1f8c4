"""What a model may cost, counted before it is spent: a file of a few bytes can ask for any amount.

Operators, what they take and give, and constants are counted as a model is read, in a function as often as it
is called. The numbers that steps compute are counted before each is run.
"""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any

import onnx

from fovea.errors import DataError, ShapeError, mismatch

NAMES = 100_000  # of operators, what they take and give, and constants
SHOWN = 200  # characters of a name
DEEP = 100  # functions that call each other
FREE, TIMES = 2**26, 16  # numbers: so many, and so many times what the model and its inputs hold


class Room:
    """How many numbers may still be computed."""

    def __init__(self, most: int) -> None:
        self.left = most

    @classmethod
    def beside(cls, *held: Iterable[Any]) -> "Room":
        """Room for what is computed of these arrays."""
        return cls(FREE + TIMES * sum(array.size for arrays in held for array in arrays))

    def take(self, numbers: int) -> None:
        """Raises ShapeError where there is no room for that many."""
        if numbers > self.left:
            got = f"{numbers:,}" if numbers < 10**18 else "more than 10^18"
            raise ShapeError(mismatch("its result", f"at most {self.left:,} numbers", got))
        self.left -= numbers


def check(model: onnx.ModelProto) -> None:
    """Raises DataError for a model of too many names, names that are no text, and functions that call
    themselves."""
    own = {(f.domain, f.name, f.overload): list(islice(_nodes(f.node), NAMES + 1)) for f in model.functions}
    calls = {
        key: {called for node in nodes if (called := _called(node)) in own} for key, nodes in own.items()
    }
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        name = ".".join(filter(None, error.args[1][0]))
        raise DataError(mismatch(f"function {name}", "no call of itself", "one")) from error
    sizes: dict[Any, int] = {}
    depths: dict[Any, int] = {}
    for key in order:
        sizes[key] = _names(own[key], sizes)
        depths[key] = 1 + max((depths[called] for called in calls[key]), default=0)
    if max(depths.values(), default=0) > DEEP:
        raise DataError(mismatch("the model", f"functions at most {DEEP} deep", max(depths.values())))
    count = _names(_nodes(model.graph.node), sizes) + len(model.graph.initializer) + len(model.graph.input)
    if count > NAMES:
        expected = f"at most {NAMES:,} operators, inputs, outputs and constants in all"
        raise DataError(mismatch("the model", expected, "more"))
    _check_text(model)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """These, and those in the graphs that are their attributes."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting.extend(graph.node)


def _names(nodes: Iterable[onnx.NodeProto], sizes: dict[Any, int]) -> int:
    """How many names these nodes are, with those of the functions that they call; beyond NAMES, one more."""
    count = 0
    for node in nodes:
        count += 1 + len(node.input) + len(node.output) + len(node.attribute) + sizes.get(_called(node), 0)
        count += sum(len(a.ints) + len(a.floats) + len(a.strings) for a in node.attribute)
        if count > NAMES:  # what is far too much takes no longer to refuse
            return NAMES + 1
    return count


def brief(text: object) -> str:
    """A name or a message of a model or a library, as errors show it."""
    words = str(text)
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def _check_text(model: onnx.ModelProto) -> None:
    """Raises DataError for names in other bytes than UTF-8: protobuf keeps them as they are, and what ONNX's
    library does with them fails."""
    try:
        for nodes in (model.graph.node, *(function.node for function in model.functions)):
            for node in _nodes(nodes):
                "".join(_texts(node))
        "".join(_texts_of(model))
    except TypeError as error:
        raise DataError(mismatch("the model", "names in UTF-8", "other bytes")) from error


def _texts(node: onnx.NodeProto) -> Iterator[str]:
    yield from (node.op_type, node.domain, node.overload, node.name, *node.input, *node.output)
    yield from (attribute.name for attribute in node.attribute)


def _texts_of(model: onnx.ModelProto) -> Iterator[str]:
    graph = model.graph
    yield from (named.name for kind in (graph.input, graph.output, graph.initializer) for named in kind)
    yield from (entry.domain for entry in model.opset_import)
    yield from (text for f in model.functions for text in (f.domain, f.name, f.overload))
    yield from (text for entry in model.metadata_props for text in (entry.key, entry.value))
    yield from (d.dim_param for given in graph.input for d in given.type.tensor_type.shape.dim)


def _called(node: onnx.NodeProto) -> tuple[str, str, str]:
    return node.domain, node.op_type, node.overload

"""Limits on a model's size and computations, checked in advance: a file of a few bytes can demand any amount.

Operators, their inputs and outputs, and constants are counted when a model is read, those of a function once
per call. The numbers that a step computes are counted before it runs.
"""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any

import onnx

from fovea.errors import DataError, ShapeError, mismatch

NAMES = 100_000  # operators, their inputs and outputs, and constants
SHOWN = 200  # characters of a name
DEEP = 100  # nested function calls
FREE, TIMES = 2**26, 16  # numbers: FREE, plus TIMES the size of the model and its inputs


class Room:
    """The number of values that may still be computed."""

    def __init__(self, most: int) -> None:
        self.left = most

    @classmethod
    def beside(cls, *held: Iterable[Any]) -> "Room":
        """The room for computations on these arrays."""
        return cls(FREE + TIMES * sum(array.size for arrays in held for array in arrays))

    def take(self, numbers: int) -> None:
        """Take room for `numbers` values. Raises ShapeError if there is not enough."""
        if numbers > self.left:
            got = f"{numbers:,}" if numbers < 10**18 else "more than 10^18"
            raise ShapeError(mismatch("its result", f"at most {self.left:,} numbers", got))
        self.left -= numbers


def check(model: onnx.ModelProto) -> None:
    """Raise DataError for a model with too many names, names that are not text, or functions that call
    themselves."""
    functions = {
        (f.domain, f.name, f.overload): list(islice(_nodes(f.node), NAMES + 1)) for f in model.functions
    }
    calls = {
        key: {called for node in nodes if (called := _called(node)) in functions}
        for key, nodes in functions.items()
    }
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        name = ".".join(filter(None, error.args[1][0]))
        raise DataError(mismatch(f"function {name}", "no call of itself", "one")) from error
    sizes: dict[Any, int] = {}
    depths: dict[Any, int] = {}
    for key in order:
        sizes[key] = _names(functions[key], sizes)
        depths[key] = 1 + max((depths[called] for called in calls[key]), default=0)
    if max(depths.values(), default=0) > DEEP:
        raise DataError(mismatch("the model", f"functions at most {DEEP} deep", max(depths.values())))
    count = _names(_nodes(model.graph.node), sizes) + len(model.graph.initializer) + len(model.graph.input)
    if count > NAMES:
        expected = f"at most {NAMES:,} operators, inputs, outputs and constants in all"
        raise DataError(mismatch("the model", expected, "more"))
    _check_text(model)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes, and those in graphs among their attributes."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting.extend(graph.node)


def _names(nodes: Iterable[onnx.NodeProto], sizes: dict[Any, int]) -> int:
    """The number of names in these nodes and in the functions that they call; NAMES + 1 for any larger
    number."""
    count = 0
    for node in nodes:
        count += 1 + len(node.input) + len(node.output) + len(node.attribute) + sizes.get(_called(node), 0)
        count += sum(len(a.ints) + len(a.floats) + len(a.strings) for a in node.attribute)
        if count > NAMES:  # stop counting, so that a huge model takes no longer to refuse
            return NAMES + 1
    return count


def brief(text: object) -> str:
    """A name or a message, shortened for an error."""
    words = str(text)
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def _check_text(model: onnx.ModelProto) -> None:
    """Raise DataError for names that are not UTF-8, which protobuf accepts and ONNX's library fails on."""
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

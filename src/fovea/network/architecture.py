"""The JSON of a network in a model file: its layers and how they are connected.

    {"input_shape": [28, 28, 1], "layers": [{"type": "Conv2D", "hyperparameters": {…}}, …]}

An entry may have a "name", and "after" with the names of its inputs. An entry without a name is named by kind
and count; one without "after" has the output of the entry before as its input. "outputs" lists the names of
the outputs, if they have any.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fovea.errors import ShapeError, mismatch
from fovea.files import jsons
from fovea.layers.base import REGISTRY, Layer
from fovea.network.graph import Node, check_count


def to_json(nodes: Sequence[Node], input_shape: Sequence[int], outputs: Sequence[str] = ()) -> dict[str, Any]:
    """The input of `from_json`. Raises ShapeError for a layer that could not be built from its
    hyperparameters."""
    architecture = {"input_shape": list(input_shape), "layers": [_entry(node) for node in nodes]}
    return {**architecture, "outputs": list(outputs)} if outputs else architecture


def from_json(architecture: Any) -> tuple[list[Node], list[int], Any]:
    """Untrained layers, the shape of their input, and the names of the outputs, which `Network` checks.
    Raises ShapeError for an invalid architecture."""
    try:
        check_count(len(architecture["layers"]))  # before building them, which takes time
        nodes = [
            Node(
                _build(entry["type"], dict(entry["hyperparameters"])),
                str(entry.get("name", "")),
                tuple(map(str, entry.get("after", ()))),
            )
            for entry in architecture["layers"]
        ]
        return nodes, list(architecture["input_shape"]), architecture.get("outputs", ())
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        if isinstance(error, ShapeError):
            raise
        raise ShapeError(
            mismatch("Network", "an architecture of input_shape and layers", repr(error))
        ) from error


def _entry(node: Node) -> dict[str, Any]:
    entry = _describe(node.layer)
    if node.name:
        entry["name"] = node.name
    if node.after:
        entry["after"] = list(node.after)
    return entry


def _describe(layer: Layer) -> dict[str, Any]:
    entry = {"type": type(layer).__name__, "hyperparameters": layer.configuration()}
    try:
        entry = json.loads(jsons.dumps(entry))
        type(layer)(**entry["hyperparameters"])
    except (TypeError, ValueError) as error:
        remedy = "make its class a dataclass of numbers and strings, or write its configuration()"
        raise ShapeError(
            mismatch(layer.who, "hyperparameters that it can be built from", repr(error), remedy)
        ) from error
    return entry


def _build(kind: str, hyperparameters: Mapping[str, Any]) -> Layer:
    if kind not in REGISTRY:
        remedy = "import the module that defines it before you load the network"
        raise ShapeError(mismatch("Network", "known layers", f"the layer {kind!r}", remedy))
    try:
        return REGISTRY[kind](**hyperparameters)
    except TypeError as error:
        remedy = f"another version of {kind} wrote the network"
        raise ShapeError(mismatch(kind, "its own hyperparameters", repr(error), remedy)) from error

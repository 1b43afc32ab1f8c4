"""The JSON that a model file keeps of a network: its layers, and who takes in whose output.

    {"input_shape": [28, 28, 1], "layers": [{"type": "Conv2D", "hyperparameters": {…}}, …]}

An entry may have a "name", and in "after" the names of its inputs; without, it is named by kind and count,
and its input is the output of the entry before. Where outputs have names, "outputs" lists them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fovea.errors import ShapeError, mismatch
from fovea.files import jsons
from fovea.layers.base import REGISTRY, Layer
from fovea.network.graph import Node, check_count


def to_json(nodes: Sequence[Node], input_shape: Sequence[int], outputs: Sequence[str] = ()) -> dict[str, Any]:
    """What `from_json` makes untrained layers of. Raises ShapeError for one that could not be made again."""
    described = {"input_shape": list(input_shape), "layers": [_entry(node) for node in nodes]}
    return {**described, "outputs": list(outputs)} if outputs else described


def from_json(architecture: Any) -> tuple[list[Node], list[int], Any]:
    """The layers, the shape of their input, and the names of outputs as they come, which `Network` checks.
    Raises ShapeError for what is no architecture."""
    try:
        check_count(len(architecture["layers"]))  # before they are made, which takes time
        nodes = [
            Node(
                _made(entry["type"], dict(entry["hyperparameters"])),
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
    entry = _written(node.layer)
    if node.name:
        entry["name"] = node.name
    if node.after:
        entry["after"] = list(node.after)
    return entry


def _written(layer: Layer) -> dict[str, Any]:
    entry = {"type": type(layer).__name__, "hyperparameters": layer.configuration()}
    try:
        entry = json.loads(jsons.dumps(entry))
        type(layer)(**entry["hyperparameters"])
    except (TypeError, ValueError) as error:
        remedy = "make its class a dataclass of numbers and strings, or write its configuration()"
        raise ShapeError(
            mismatch(layer.who, "hyperparameters that make it again", repr(error), remedy)
        ) from error
    return entry


def _made(kind: str, hyperparameters: Mapping[str, Any]) -> Layer:
    if kind not in REGISTRY:
        remedy = "import the module that defines it before you load the network"
        raise ShapeError(mismatch("Network", "layers that are known", f"the layer {kind!r}", remedy))
    try:
        return REGISTRY[kind](**hyperparameters)
    except TypeError as error:
        remedy = "the network was written by another version of it"
        raise ShapeError(mismatch(kind, "hyperparameters that it has", repr(error), remedy)) from error

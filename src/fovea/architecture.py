"""A network on paper: its layers' names, and the JSON that a model file keeps of it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fovea.errors import ShapeError, mismatch
from fovea.layers.base import REGISTRY, Layer


def name_layers(layers: Sequence[Layer]) -> None:
    """Name each layer by its kind and count: "conv1", "relu1", "conv2". Raises ShapeError, and names none."""
    if not layers:
        raise ShapeError(mismatch("Network", "at least one layer", "none"))
    for place, layer in enumerate(layers, start=1):
        if not isinstance(layer, Layer):
            remedy = f"write {layer.__name__}(…)" if isinstance(layer, type) else ""
            raise ShapeError(mismatch(f"Network, layer {place}", "a Layer", repr(layer), remedy))
        if layer.name or any(layer is other for other in layers[: place - 1]):
            remedy = "make a new one, a layer belongs to one place in one network"
            raise ShapeError(mismatch(f"Network, layer {place}", "a layer that is free", layer.who, remedy))
    counts: Counter[str] = Counter()
    for layer in layers:
        counts[layer.kind] += 1
        layer.name = f"{layer.kind}{counts[layer.kind]}"


def to_json(layers: Iterable[Layer], input_shape: Sequence[int]) -> dict[str, Any]:
    """What `from_json` makes untrained layers of. Raises ShapeError for one that could not be made again."""
    return {"input_shape": list(input_shape), "layers": [_written(layer) for layer in layers]}


def from_json(architecture: Any) -> tuple[list[Layer], list[int]]:
    """The layers, and the shape of their input. Raises ShapeError for what is no architecture."""
    try:
        descriptions = [(entry["type"], dict(entry["hyperparameters"])) for entry in architecture["layers"]]
        return [_made(*description) for description in descriptions], list(architecture["input_shape"])
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, ShapeError):
            raise
        raise ShapeError(
            mismatch("Network", "an architecture of input_shape and layers", repr(error))
        ) from error


def _written(layer: Layer) -> dict[str, Any]:
    entry = {"type": type(layer).__name__, "hyperparameters": layer.configuration()}
    try:
        entry = json.loads(json.dumps(entry))
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

"""The metadata of a file that Fovea wrote, checked against its graph: either may have been changed.

The graph decides. If it starts with u · scale + offset, those numbers are the preprocessing. If a file with
pixels as input starts differently, pixels from 0 to 255 are the network's input, and everything that the
graph computes becomes layers. Metadata that contradict the graph are ignored, with a FoveaWarning.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fovea.errors import FoveaError, FoveaWarning, mismatch
from fovea.files import jsons
from fovea.layers.base import Shape
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing
from fovea.onnx.graph import Graph, Step
from fovea.ranges import short

FORMAT = "1"


@dataclass(frozen=True)
class Metadata:
    """The name of the tensor that is the network's input, the preprocessing that computes it from pixels, and
    the classes; None if unknown."""

    input: str
    preprocessing: Preprocessing | None = None
    classes: Any = None

    def apply(self, network: Network) -> None:
        """Set the preprocessing and the class names of `network`, if they are known and fit."""
        network.preprocessing = self.preprocessing or network.preprocessing
        if self.classes is not None and not isinstance(self.classes, list):
            _warn("classes", mismatch("its text", "a list of class names", short(self.classes)))
            return
        try:
            network.classes = self.classes
        except FoveaError as error:
            _warn("classes", str(error))


def has_named_outputs(graph: Graph) -> bool:
    """True if the network's outputs get names: if there are several, or if the metadata name the only one."""
    ours = graph.metadata.get("fovea_format") == FORMAT and "outputs" in graph.metadata
    return len(graph.outputs) > 1 or (ours and _json(graph, "outputs") == graph.outputs)


def read_metadata(graph: Graph, name: str, shape: Shape) -> Metadata:
    """The checked metadata of a model whose input `name` has the shape `shape` in Fovea, (H, W, C) or (n,);
    only `input` for a file of another program."""
    channels = shape[-1]
    version = graph.metadata.get("fovea_format")
    if version is None:
        return Metadata(name)
    if version != FORMAT:
        _warn("fovea_format", mismatch("its value", FORMAT, short(version), "upgrade Fovea"))
        return Metadata(name)
    classes, given = _json(graph, "classes"), _preprocessing(graph, channels)
    start = graph.metadata.get("fovea_numbers", name)
    if start == name:
        return Metadata(name, given, classes)
    scaling, axes = _scaling(graph, name), (channels, *(1,) * (len(shape) - 1))
    computed = scaling.preprocessing(axes) if scaling is not None and scaling.output == start else None
    if computed is None:
        shown = short(start, str)
        _warn("fovea_numbers", f'"{shown}" is not u · scale + offset of the input: pixels are used unscaled')
        return Metadata(name, Preprocessing((0.0,) * channels, (1 / 255,) * channels), classes)
    if given is not None and _equal(given, computed):
        return Metadata(start, given, classes)
    if given is not None:
        expected = f"those of the graph, {_description(computed)}"
        _warn("preprocessing", mismatch("its numbers", expected, _description(given)))
    crop = given.crop if given is not None else None
    return Metadata(start, replace(computed, crop=crop), classes)


@dataclass(frozen=True)
class Scaling:
    """u · scale + offset at the start of a graph."""

    output: str
    scale: np.ndarray
    offset: np.ndarray

    def preprocessing(self, axes: Shape) -> Preprocessing | None:
        """The equivalent mean and std; None if there are none, or if the constants do not broadcast to
        `axes`, (C, 1, 1) or (n,)."""
        try:
            scale, offset = (_vector(constant, axes) for constant in (self.scale, self.offset))
            with np.errstate(all="ignore"):
                return Preprocessing(tuple(-offset / (255 * scale)), tuple(1 / (255 * scale)))
        except (FoveaError, ValueError):
            return None


def _scaling(graph: Graph, name: str) -> Scaling | None:
    """The Mul and the Add, each with a constant, at the start of the graph; None if it starts differently."""
    multiply, scale = _only(graph, name, "Mul")
    if multiply is None:
        return None
    add, offset = _only(graph, multiply.outputs[0], "Add")
    return None if add is None else Scaling(add.outputs[0], scale, offset)


def _only(graph: Graph, name: str, operator: str) -> tuple[Step | None, Any]:
    """The only step that reads `name`, if it applies `operator` to it and a constant; and the constant."""
    readers = [step for step in graph.steps if name in step.inputs]
    if len(readers) != 1 or readers[0].operator != operator or name in graph.outputs:
        return None, None
    others = [other for other in readers[0].inputs if other != name]
    if len(others) != 1 or others[0] not in graph.constants:
        return None, None
    return readers[0], graph.constants[others[0]]


def _vector(constant: np.ndarray, axes: Shape) -> np.ndarray:
    """One number for each channel, of a constant that broadcasts to (N, *axes). Raises ValueError."""
    constant = constant.reshape(constant.shape[constant.ndim > len(axes) :])
    return np.broadcast_to(constant, axes).reshape(-1).astype(np.float64)


def _equal(one: Preprocessing, other: Preprocessing) -> bool:
    """True if the two are equal in float32."""
    pairs = ((one.scale, other.scale), (one.offset, other.offset))
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in pairs)


def _preprocessing(graph: Graph, channels: int) -> Preprocessing | None:
    content = _json(graph, "preprocessing")
    try:
        preprocessing = None if content is None else Preprocessing.from_dict(content)
    except FoveaError as error:
        _warn("preprocessing", str(error))
        return None
    if preprocessing is not None and len(preprocessing.mean) != channels:
        expected = f"{channels}, one for each channel"
        _warn("preprocessing", mismatch("its numbers", expected, len(preprocessing.mean)))
        return None
    return preprocessing


def _json(graph: Graph, key: str) -> Any:
    try:
        return jsons.loads(graph.metadata.get(key, "null"), "its text")
    except FoveaError as error:
        _warn(key, str(error))
        return None


def _description(preprocessing: Preprocessing) -> str:
    mean, std = (_first_numbers(numbers) for numbers in (preprocessing.mean, preprocessing.std))
    return f"mean {mean} and std {std}"


def _first_numbers(numbers: Sequence[float]) -> str:
    text = ", ".join(f"{number:.4g}" for number in numbers[:4])
    return f"({text}{', …' if len(numbers) > 4 else ''})"


def _warn(key: str, why: str) -> None:
    warnings.warn(f"metadata {key} not used: {why}", FoveaWarning, stacklevel=2)

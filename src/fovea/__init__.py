"""Fovea trains, runs and looks inside convolutional networks on the processor you already have.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what __getattr__ answers, for those who check types
    from fovea import (
        augment,
        data,
        engine,
        errors,
        filters,
        functional,
        images,
        initializers,
        layers,
        metrics,
        models,
        onnx,
        optimizers,
        reference,
        seeing,
        tracing,
    )
    from fovea.checking.check_layer import check_layer
    from fovea.errors import FoveaError
    from fovea.filters.learn_filter import learn_filter
    from fovea.layers import Layer
    from fovea.models import load
    from fovea.network import Network
    from fovea.network.graph import Node
    from fovea.network.preprocessing import Preprocessing
    from fovea.tracing import trace
    from fovea.training.loop import train
    from fovea.training.rate_search import find_rate
    from fovea.training.recipe import Recipe

__version__ = "0.1.0"

__all__ = [
    "FoveaError",
    "Layer",
    "Network",
    "Node",
    "Preprocessing",
    "Recipe",
    "augment",
    "check_layer",
    "data",
    "engine",
    "errors",
    "filters",
    "find_rate",
    "functional",
    "images",
    "initializers",
    "layers",
    "learn_filter",
    "load",
    "metrics",
    "models",
    "onnx",
    "optimizers",
    "reference",
    "seeing",
    "trace",
    "tracing",
    "train",
]

_MODULES = (
    "augment",
    "data",
    "engine",
    "errors",
    "filters",
    "functional",
    "images",
    "initializers",
    "layers",
    "metrics",
    "models",
    "onnx",
    "optimizers",
    "reference",
    "seeing",
    "tracing",
)
_OBJECTS = {  # name → its module
    "FoveaError": "errors",
    "Layer": "layers",
    "Network": "network",
    "Node": "network.graph",
    "Preprocessing": "network.preprocessing",
    "Recipe": "training.recipe",
    "check_layer": "checking.check_layer",
    "find_rate": "training.rate_search",
    "learn_filter": "filters.learn_filter",
    "load": "models.files",
    "trace": "tracing",
    "train": "training.loop",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"fovea.{name}")
    if name in _OBJECTS:
        value = globals()[name] = getattr(import_module(f"fovea.{_OBJECTS[name]}"), name)
        return value
    raise AttributeError(f"module 'fovea' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

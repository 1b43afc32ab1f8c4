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
        rates,
        reference,
        seeing,
        tracing,
    )
    from fovea.checking import check_layer
    from fovea.descent import learn_filter
    from fovea.errors import FoveaError
    from fovea.graph import Node
    from fovea.layers import Layer
    from fovea.models import load
    from fovea.network import Network
    from fovea.preprocessing import Preprocessing
    from fovea.rate_search import find_rate
    from fovea.recipe import Recipe
    from fovea.tracing import trace
    from fovea.training import train

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
    "rates",
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
    "rates",
    "reference",
    "seeing",
    "tracing",
)
_OBJECTS = {  # name → its module
    "FoveaError": "errors",
    "Layer": "layers",
    "Network": "network",
    "Node": "graph",
    "Preprocessing": "preprocessing",
    "Recipe": "recipe",
    "check_layer": "checking",
    "find_rate": "rate_search",
    "learn_filter": "descent",
    "load": "models.files",
    "trace": "tracing",
    "train": "training",
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

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
        layers,
        models,
        onnx,
        optimizers,
        reference,
        seeing,
        tracing,
    )
    from fovea.checking.check_layer import check_layer
    from fovea.classification import metrics
    from fovea.classification.task import Classification
    from fovea.detection.detect import detect
    from fovea.errors import FoveaError
    from fovea.filters.learn_filter import learn_filter
    from fovea.layers import Layer, initializers
    from fovea.models import load
    from fovea.network import Network
    from fovea.network.graph import Node
    from fovea.network.preprocessing import Preprocessing
    from fovea.tasks import find_rate, train
    from fovea.tracing import trace
    from fovea.training.measure import Measure
    from fovea.training.recipe import Recipe
    from fovea.training.task import Task

__version__ = "0.1.0"

__all__ = [
    "Classification",
    "FoveaError",
    "Layer",
    "Measure",
    "Network",
    "Node",
    "Preprocessing",
    "Recipe",
    "Task",
    "augment",
    "check_layer",
    "data",
    "detect",
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

_MODULES = {  # name → its module
    name: name
    for name in (
        "augment", "data", "engine", "errors", "filters", "functional", "images", "layers", "models", "onnx",
        "optimizers", "reference", "seeing", "tracing",
    )
} | {"initializers": "layers.initializers", "metrics": "classification.metrics"}  # fmt: skip
_OBJECTS = {  # name → its module
    "Classification": "classification.task",
    "FoveaError": "errors",
    "Layer": "layers",
    "Measure": "training.measure",
    "Network": "network",
    "Node": "network.graph",
    "Preprocessing": "network.preprocessing",
    "Recipe": "training.recipe",
    "Task": "training.task",
    "check_layer": "checking.check_layer",
    "detect": "detection.detect",
    "find_rate": "tasks",
    "learn_filter": "filters.learn_filter",
    "load": "models.files",
    "trace": "tracing",
    "train": "tasks",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"fovea.{_MODULES[name]}")
    if name in _OBJECTS:
        value = globals()[name] = getattr(import_module(f"fovea.{_OBJECTS[name]}"), name)
        return value
    raise AttributeError(f"module 'fovea' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

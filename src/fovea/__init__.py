"""Fovea trains, runs and looks inside convolutional networks on the processor you already have.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = (
    "augment",
    "data",
    "engine",
    "errors",
    "functional",
    "initializers",
    "layers",
    "metrics",
    "models",
    "optimizers",
    "rates",
    "reference",
)
_OBJECTS = {  # name → its module
    "FoveaError": "errors",
    "Layer": "layers",
    "Network": "network",
    "Preprocessing": "preprocessing",
    "check_layer": "checking",
    "load": "checkpoint",
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
    return sorted([*globals(), *_MODULES, *_OBJECTS])

"""Fovea trains, runs and looks inside convolutional networks on the processor you already have.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

# Where each public name lives: name → module (the name itself where it is a module).
_HOME = {
    "engine": "fovea.engine",
    "functional": "fovea.functional",
    "reference": "fovea.reference",
    "layers": "fovea.layers",
    "models": "fovea.models",
    "data": "fovea.data",
    "Network": "fovea.network",
    "load": "fovea.checkpoint",
    "train": "fovea.training",
    "check_layer": "fovea.checking",
}


def __getattr__(name: str):
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'fovea' has no attribute {name!r}")
    module = import_module(home)
    value = module if home == f"fovea.{name}" and not hasattr(module, name) else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])

"""The choice of engine: Halide's compiled kernels, or the NumPy reference.

    with fovea.engine("reference"):
        Z = fovea.functional.conv2d(A_prev, W, b)

`FOVEA_ENGINE` sets the engine of a whole process; the default is Halide if it is installed. The choice of a
block is a context variable: new threads do not inherit it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from fovea.errors import EngineError, mismatch

NAMES = ("halide", "reference")
_chosen: ContextVar[str | None] = ContextVar("fovea_engine", default=None)


@contextmanager
def use(name: str) -> Iterator[None]:
    """Within the block, compute with `name`, "halide" or "reference"; `fovea.engine(name)` is the same.

    Raises EngineError for another name, and for "halide" if it is not installed.
    """
    token = _chosen.set(_usable(name, "engine"))
    try:
        yield
    finally:
        _chosen.reset(token)


def current() -> str:
    """The engine of the next operation. Raises EngineError if FOVEA_ENGINE names one that is missing."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    name = os.environ.get("FOVEA_ENGINE")
    if name:
        return _usable(name, "FOVEA_ENGINE")
    return "halide" if available() else "reference"


@cache
def available() -> bool:
    """True if Halide and llvmlite, which loads its kernels, are installed; imports neither."""
    return find_spec("halide") is not None and find_spec("llvmlite") is not None


def _usable(name: str, who: str) -> str:
    if name not in NAMES:
        raise EngineError(mismatch(who, 'one of "halide", "reference"', repr(name)))
    if name == "halide" and not available():
        remedy = 'pip install halide llvmlite where wheels exist, else choose "reference"'
        raise EngineError(mismatch(who, "halide and llvmlite to be installed", "neither or only one", remedy))
    return name


class _Callable(ModuleType):
    """A callable module: `with fovea.engine("reference")` works although `fovea.engine` is this module.

    A function of that name in the package would be replaced by the module when the module is imported.
    """

    def __call__(self, name: str):
        return use(name)


sys.modules[__name__].__class__ = _Callable

"""Which engine computes."""

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from inspect import isfunction
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from fovea import engine


def operations(stem: str) -> Any:
    """The current engine's module for an operation; both give arrays of the same kind."""
    return _kernels(stem) if engine.current() == "halide" else _reference(stem)


@cache
def _kernels(stem: str) -> ModuleType:
    return import_module(f"fovea.kernels.{stem}")


@cache
def _reference(stem: str) -> SimpleNamespace:
    functions = vars(import_module(f"fovea.reference.{stem}")).items()
    return SimpleNamespace(**{name: _plain(function) for name, function in functions if isfunction(function)})


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with arrays where NumPy gives views of a mapped file, or scalars for arrays without axes."""

    @wraps(function)
    def computed(*arguments: Any, **named: Any) -> Any:
        views = [np.asarray(a) if type(a) is np.memmap else a for a in arguments]
        found = function(*views, **named)
        return tuple(map(_array, found)) if isinstance(found, tuple) else _array(found)

    return computed


def _array(found: Any) -> Any:
    return np.asarray(found) if isinstance(found, np.generic) else found

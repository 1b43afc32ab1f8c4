"""Which engine computes."""

from functools import cache
from importlib import import_module
from types import ModuleType

from fovea import engine


def operations(stem: str) -> ModuleType:
    """The current engine's module for an operation."""
    return _module("kernels" if engine.current() == "halide" else "reference", stem)


@cache
def _module(package: str, stem: str) -> ModuleType:
    return import_module(f"fovea.{package}.{stem}")

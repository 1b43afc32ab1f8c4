"""Checks of a kernel's buffers before it runs, for tests and development.

In Halide's bounds query, a kernel gets buffers without memory; it computes nothing and writes into each the
region that it would read or write, its strides and its type.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from fovea.errors import EngineError, mismatch
from fovea.kernels.buffers import Buffer
from fovea.kernels.specification import Specification

Shape = tuple[tuple[int, ...], ...]  # type, then first entry, extent and stride of each dimension


def checked(function: Callable[..., int], specification: Specification) -> Callable[..., int]:
    """The kernel `function`, with an EngineError instead of a run if a buffer does not suit it."""
    names, passed = (*specification.reads, *specification.writes), set()

    def careful(*arguments: Any) -> int:
        values = [getattr(argument, "_obj", argument) for argument in arguments]  # of a byref, its object
        key = tuple((bool(v.host), _shape(v)) if isinstance(v, Buffer) else v.value for v in values)
        if key not in passed:
            _query(function, names, values, specification.operation)
            passed.add(key)
        return function(*arguments)

    return careful


def _query(function: Callable[..., int], names: tuple[str, ...], values: list, operation: str) -> None:
    answers = [value.without_memory() if isinstance(value, Buffer) else value for value in values]
    function(*(ctypes.byref(a) if isinstance(a, Buffer) else a for a in answers))
    for name, given, answer in zip(names, values, answers, strict=True):
        if isinstance(given, Buffer):
            needed, got = _shape(answer), _shape(given)
            if not given.host or not _holds(got, needed):
                raise EngineError(mismatch(f'kernel "{operation}": {name}', str(needed), str(got)))


def _shape(buffer: Buffer) -> Shape:
    dims = (buffer.dim[d] for d in range(buffer.dimensions))
    return (buffer.type.code, buffer.type.bits), *((d.min, d.extent, d.stride) for d in dims)


def _holds(given: Shape, needed: Shape) -> bool:
    return given[0] == needed[0] and len(given) == len(needed) and all(map(_covers, given[1:], needed[1:]))


def _covers(given: tuple[int, ...], needed: tuple[int, ...]) -> bool:
    (start, extent, stride), (first, count, step) = given, needed
    return start <= first and first + count <= start + extent and stride == step

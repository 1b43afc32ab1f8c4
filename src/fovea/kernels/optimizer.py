"""The optimizers' updates, in place; the pipelines are in pipelines/elementwise.py.

For a small network, checking the arrays and preparing Halide's buffers would take longer than the step
itself. Training passes the same arrays at every step, so both are done once, and the prepared call is kept as
long as the arrays exist.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from ctypes import byref, c_float
from math import sqrt

import numpy as np

from fovea import arguments
from fovea.kernels import buffers, kernel_cache, tiles
from fovea.kernels.call import run
from fovea.kernels.specification import Specification, specify

_prepared: dict[tuple, tuple[list[weakref.ref], Callable[..., None]]] = {}


def sgd(
    w, dw, velocity, *, rate: float, momentum: float, weight_decay: float, nesterov: bool = False
) -> None:
    """As `fovea.reference.sgd`."""
    arguments.sgd(rate, momentum, weight_decay, nesterov)
    numbers = {"rate": rate, "momentum": momentum, "weight_decay": weight_decay}
    _update("sgd", dw, {"w": w, "velocity": velocity}, numbers, nesterov=bool(nesterov))


def adam(
    w, dw, m, v, *, rate: float, beta1: float, beta2: float, epsilon: float, weight_decay: float, step: int
) -> None:
    """As `fovea.reference.adam`."""
    arguments.adam(rate, beta1, beta2, epsilon, weight_decay, step)
    correction = 1 / sqrt(1 - beta2**step)
    numbers = {
        "rate": rate / (1 - beta1**step),
        "correction": correction,
        "beta1": beta1,
        "rest1": 1 - beta1,
        "beta2": beta2,
        "rest2": 1 - beta2,
        "epsilon": epsilon,
        "weight_decay": weight_decay,
    }
    _update("adam", dw, {"w": w, "m": m, "v": v}, numbers)


def _update(
    name: str,
    dw: np.ndarray,
    written: Mapping[str, np.ndarray],
    numbers: Mapping[str, float],
    **more: object,
) -> None:
    """Update in place; arrays that do not suit the kernel are copied, and the results copied back."""
    arrays, floats = (dw, *written.values()), [c_float(number) for number in numbers.values()]
    key = name, *more.values(), tiles.vector(), *map(id, arrays)
    references, call = _prepared.get(key, ((), None))
    same = all(reference() is array for reference, array in zip(references, arrays, strict=False))
    if call is not None and same and all(array.flags.writeable for array in arrays[1:]):
        call(*floats)
        return
    arguments.optimizer(name, dw=dw, **written)
    arguments.float32(name, dw=dw, **written)
    updated, more["vector"] = {w: buffers.aligned(array) for w, array in written.items()}, tiles.vector()
    if all(a is b for a, b in zip((buffers.aligned(dw), *updated.values()), arrays, strict=True)):
        reads = "dw", *written, *numbers
        call = _prepare(specify(f"elementwise.{name}", reads, written, **more), arrays)
        _prepared[key] = [weakref.ref(array, lambda _: _prepared.pop(key, None)) for array in arrays], call
        call(*floats)
        return
    inputs = {"dw": dw, **updated, **dict(zip(numbers, floats, strict=True))}
    run(f"elementwise.{name}", inputs, updated, **more)
    for array, result in zip(written.values(), updated.values(), strict=True):
        if result is not array:
            array[...] = result


def _prepare(specification: Specification, arrays: Sequence[np.ndarray]) -> Callable[..., None]:
    """The prepared kernel, as a function of the numbers; `arrays` are dw, w and the optimizer's state."""
    dw, *written = (byref(buffers.Buffer.at(a.ctypes.data, a.shape, a.dtype)) for a in arrays)
    kernel = kernel_cache.get(specification)
    return lambda *numbers: kernel(dw, *written, *numbers, *written)

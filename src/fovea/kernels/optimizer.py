"""The optimizers' updates, in place; the pipelines are in pipelines/elementwise.py."""

from ctypes import c_float
from math import sqrt

from fovea import checks
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def sgd(
    w, dw, velocity, *, rate: float, momentum: float, weight_decay: float, nesterov: bool = False
) -> None:
    """As `fovea.reference.sgd`."""
    checks.optimizer("sgd", w=w, velocity=velocity, dw=dw)
    checks.float32("sgd", w=w, dw=dw, velocity=velocity)
    _update("elementwise.sgd", dw, (w, velocity), (rate, momentum, weight_decay), nesterov=bool(nesterov))


def adam(
    w, dw, m, v, *, rate: float, beta1: float, beta2: float, epsilon: float, weight_decay: float, step: int
) -> None:
    """As `fovea.reference.adam`."""
    checks.optimizer("adam", w=w, m=m, v=v, dw=dw, step=step)
    checks.float32("adam", w=w, dw=dw, m=m, v=v)
    correction = 1 / sqrt(1 - beta2**step)
    numbers = (
        rate / (1 - beta1**step),
        correction,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        epsilon,
        weight_decay,
    )
    _update("elementwise.adam", dw, (w, m, v), numbers)


def _update(operation: str, dw, written: tuple, numbers: tuple[float, ...], **more: object) -> None:
    """The kernel reads and writes the same memory; arrays that do not suit it are copied there and back."""
    own = [buffers.ready(array) for array in written]
    floats = [c_float(number) for number in numbers]
    run(operation, [own[0], dw, *own[1:]], own, floats, vector=tiles.vector(), **more)
    for array, result in zip(written, own, strict=True):
        if result is not array:
            array[...] = result

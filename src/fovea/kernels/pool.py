"""Pooling of NHWC arrays; the pipelines are in pipelines/pool.py."""

from dataclasses import astuple

import numpy as np

from fovea import checks, reference
from fovea.geometry import Padding, Pair, Window
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def max_pool2d(A_prev, size, *, stride: int | Pair | None = None, padding: Padding = "valid") -> np.ndarray:
    """As `fovea.reference.max_pool2d`."""
    window = checks.pool(A_prev, size, stride, padding, who="max_pool2d")
    checks.float32("max_pool2d", A_prev=A_prev)
    if not len(A_prev):
        return reference.max_pool2d(A_prev, size, stride=stride, padding=padding)
    return _pool("pool.maximum", [A_prev], window, window.output)


def max_pool2d_backward(
    dA, A_prev, size, *, stride: int | Pair | None = None, padding: Padding = "valid"
) -> np.ndarray:
    """As `fovea.reference.max_pool2d_backward`."""
    window = checks.pool(A_prev, size, stride, padding, dA, who="max_pool2d_backward")
    checks.float32("max_pool2d_backward", dA=dA, A_prev=A_prev)
    if not len(A_prev):
        return reference.max_pool2d_backward(dA, A_prev, size, stride=stride, padding=padding)
    return _pool("pool.maximum_backward", [dA, A_prev], window, window.input)


def average_pool2d(
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> np.ndarray:
    """As `fovea.reference.average_pool2d`."""
    window = checks.pool(A_prev, size, stride, padding, who="average_pool2d")
    checks.float32("average_pool2d", A_prev=A_prev)
    if not len(A_prev):
        return reference.average_pool2d(
            A_prev, size, stride=stride, padding=padding, count_include_pad=count_include_pad
        )
    count = {"count_include_pad": bool(count_include_pad)}
    return _pool("pool.average", [A_prev], window, window.output, **count)


def average_pool2d_backward(
    dA,
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> np.ndarray:
    """As `fovea.reference.average_pool2d_backward`."""
    window = checks.pool(A_prev, size, stride, padding, dA, who="average_pool2d_backward")
    checks.float32("average_pool2d_backward", dA=dA, A_prev=A_prev)
    if not len(A_prev):
        return reference.average_pool2d_backward(
            dA, A_prev, size, stride=stride, padding=padding, count_include_pad=count_include_pad
        )
    count = {"count_include_pad": bool(count_include_pad)}
    return _pool("pool.average_backward", [dA], window, window.input, **count)


def _pool(operation: str, inputs: list[np.ndarray], window: Window, size: Pair, **more: object) -> np.ndarray:
    N, C = inputs[0].shape[0], inputs[0].shape[3]
    result = buffers.empty((N, *size, C))
    arrays = [a[..., None] for a in inputs]
    run(
        operation,
        arrays,
        [result[..., None]],
        window=astuple(window),
        channels=C,
        lanes=1,
        vector=tiles.vector(),
        **more,
    )
    return result

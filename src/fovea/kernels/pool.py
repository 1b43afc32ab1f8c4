"""Pooling of NHWC arrays; the pipelines are in pipelines/pool.py."""

from dataclasses import astuple
from typing import Any

import numpy as np

from fovea import arguments
from fovea.geometry import Padding, Pair, Window
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def max_pool2d(
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """As `fovea.reference.max_pool2d`."""
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, who="max_pool2d")
    return _pool("max_pool2d", "pool.maximum", window, window.output, A_prev=A_prev)


def max_pool2d_backward(
    dA,
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """As `fovea.reference.max_pool2d_backward`."""
    who = "max_pool2d_backward"
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, who, dA=dA)
    return _pool(who, "pool.maximum_backward", window, window.input, dA=dA, A_prev=A_prev)


def max_pool2d_indices(
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """As `fovea.reference.max_pool2d_indices`."""
    who = "max_pool2d_indices"
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, who=who)
    return _pool(who, "pool.indices", window, window.output, np.int32, A_prev=A_prev)


def average_pool2d(
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> np.ndarray:
    """As `fovea.reference.average_pool2d`."""
    window = arguments.pool(
        A_prev, size, stride, padding, dilation, ceil_mode, "average_pool2d", count_include_pad
    )
    kernel = _averaging("pool.average", window, count_include_pad)
    return _pool("average_pool2d", kernel, window, window.output, A_prev=A_prev)


def average_pool2d_backward(
    dA,
    A_prev,
    size,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> np.ndarray:
    """As `fovea.reference.average_pool2d_backward`."""
    who = "average_pool2d_backward"
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, who, count_include_pad, dA=dA)
    kernel = _averaging("pool.average_backward", window, count_include_pad)
    return _pool(who, kernel, window, window.input, dA=dA)


def _averaging(operation: str, window: Window, count_include_pad: bool) -> tuple[str, dict[str, Any]]:
    return operation, {"count_include_pad": bool(count_include_pad) and any(window.pads)}


def _pool(
    who: str,
    kernel: str | tuple[str, dict[str, Any]],
    window: Window,
    size: Pair,
    dtype: type = np.float32,
    **arrays: np.ndarray,
) -> np.ndarray:
    """Run `kernel`, an operation or one with more arguments, on `arrays`; the outcome has rows and columns of
    `size`."""
    arguments.float32(who, **arrays)
    operation, more = kernel if isinstance(kernel, tuple) else (kernel, {})
    first = next(iter(arrays.values()))
    N, C = first.shape[0], first.shape[3]
    result, name = buffers.empty((N, *size, C), dtype), "dA_prev" if "dA" in arrays else "A"
    if N:
        shape = {"window": astuple(window), "channels": C, "lanes": 1, "vector": tiles.vector()}
        inputs = {key: array[..., None] for key, array in arrays.items()}
        run(operation, inputs, {name: result[..., None]}, **shape, **more)
    return result

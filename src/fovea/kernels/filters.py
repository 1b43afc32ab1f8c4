"""Filters of pictures of any size; the pipelines are in pipelines/filters.py."""

import ctypes
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from fovea.geometry import Pair
from fovea.geometry.borders import Border, around, sources
from fovea.kernels import buffers, constants, result_pool, tiles
from fovea.kernels.call import run

Kernel = Sequence[Sequence[int]]

REAL = {"float32": ctypes.c_float, "float64": ctypes.c_double}
_WHOLE = {"uint32": ctypes.c_uint32, "uint64": ctypes.c_uint64}


def stencil(
    image: np.ndarray, kernels: Sequence[Kernel], form: str, result: str, scale: float | None, border: Border
) -> tuple[np.ndarray, ...]:
    """As `fovea.reference.filters.stencil`."""
    dtype, size = image.dtype.name, (len(kernels[0]), len(kernels[0][0]))
    return run_filter(
        "filters.stencil", image, size, border, {"scale": _number(dtype, 1.0 if scale is None else scale)},
        result, ("magnitude", "direction") if form == "polar" else ("out",),
        dtype=dtype, kernels=kernels, form=form, result=result,
        scaled=scale is not None,
    )  # fmt: skip


def separable(
    image: np.ndarray,
    down: np.ndarray,
    along: np.ndarray,
    result: str,
    finish: float | tuple[int, int, int],
    border: Border,
) -> np.ndarray:
    """As `fovea.reference.filters.separable`."""
    dtype, weights, fixed = image.dtype.name, down.dtype.name, isinstance(finish, tuple)
    total = weights
    if weights == "uint32" and int(down.sum()) * int(along.sum()) * np.iinfo(image.dtype).max >= 2**32:
        total = "uint64"
    kind = _WHOLE.get(total, REAL.get(total))
    assert kind is not None
    half, times, shift = finish if isinstance(finish, tuple) else (0, 0, 0)
    more = {
        "down": down,
        "along": along,
        "half": kind(half),
        "times": kind(times),
        "shift": kind(shift),
        "scale": _number(dtype, 1.0 if isinstance(finish, tuple) else finish),
    }
    (out,) = run_filter(
        "filters.separable", image, (len(down), len(along)), border, more, result, ("out",),
        dtype=dtype, kind=weights, total=total, result=result, fixed=fixed,
    )  # fmt: skip
    return out


def correlate(image: np.ndarray, kernel: np.ndarray, result: str, scale: float, border: Border) -> np.ndarray:
    """As `fovea.reference.filters.correlate`."""
    total, size = kernel.dtype.name, (kernel.shape[0], kernel.shape[1])
    more = {"kernel": kernel, "scale": REAL[total](scale)}
    (out,) = run_filter(
        "filters.correlate", image, size, border, more, result, ("out",),
        dtype=image.dtype.name, total=total, result=result,
    )  # fmt: skip
    return out


def run_filter(
    operation: str,
    image: np.ndarray,
    size: Pair,
    border: Border,
    more: Mapping[str, object],
    result: str,
    names: Sequence[str],
    /,
    **arguments: object,
) -> tuple[np.ndarray, ...]:
    """Run a filter of `size` on a picture (H, W, C), whose rows are read as runs of W·C numbers. `more` holds
    the kernel's further inputs. Returns an array of type `result` for each of the outputs' `names`."""
    H, W, C = image.shape
    if border.mode == "constant":
        image, lead = around(image, size, border.value), 0
        rows, columns = _identity(len(image)), _identity(1)
    else:
        rows, columns, lead = (
            _rows(border.mode, H, size[0]),
            _columns(border.mode, W, size[1], C),
            size[1] // 2 * C,
        )
    size, kind = (H, max(W * C, constants.MIN_FILTER_ROW)), np.dtype(result).type
    outs = {name: result_pool.empty(size, kind) for name in names}
    inputs = {"image": image.reshape(len(image), -1), "rows": rows, "columns": columns, **more}
    inputs |= {"lead": ctypes.c_int32(lead), "step": ctypes.c_int32(C)}
    run(operation, inputs, outs, image.itemsize, **arguments, vector=tiles.vector())
    return tuple(np.ascontiguousarray(out[:, : W * C]).reshape(H, W, C) for out in outs.values())


# Tables of positions, for pipelines/bordered.py


@lru_cache(64)
def _rows(mode: str, H: int, size: int) -> np.ndarray:
    return buffers.copy(sources(mode, H, size), np.int32)


@lru_cache(64)
def _columns(mode: str, W: int, size: int, C: int) -> np.ndarray:
    return buffers.copy((sources(mode, W, size)[:, np.newaxis] * C + np.arange(C)).ravel(), np.int32)


@lru_cache(16)
def _identity(count: int) -> np.ndarray:
    return buffers.copy(np.arange(count), np.int32)


def _number(dtype: str, value: float) -> object:
    return REAL.get(dtype, ctypes.c_float)(value)

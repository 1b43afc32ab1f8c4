"""Single calls of kernels on NumPy arrays. Plans (stages/plan.py) prepare their calls in advance instead."""

import ctypes
import functools
from collections.abc import Mapping

import numpy as np

from fovea.kernels import buffers, kernel_cache, tiles
from fovea.kernels.specification import specify


def run(
    operation: str,
    inputs: Mapping[str, object],
    outputs: Mapping[str, np.ndarray | None],
    alignment: int = buffers.ALIGNMENT,
    /,
    **arguments: object,
) -> None:
    """Run the kernel of `operation` specialised to `arguments`. It reads `inputs`, arrays and ctypes numbers,
    and writes `outputs`, all by the pipeline's names for them; None marks an absent one.

    Inputs are copied unless they are dense and aligned; outputs must be. A kernel without masked loads needs
    only an `alignment` of one number.
    """
    given = {name: value for name, value in inputs.items() if value is not None}
    results = {name: array for name, array in outputs.items() if array is not None}
    dense = [
        buffers.aligned(value, value.dtype.type, alignment) if isinstance(value, np.ndarray) else value
        for value in given.values()
    ]
    read = [
        _view(a.ctypes.data, a.shape, a.dtype, alignment) if isinstance(a, np.ndarray) else a for a in dense
    ]
    assert all(a.flags.c_contiguous for a in results.values())
    written = [_view(a.ctypes.data, a.shape, a.dtype) for a in results.values()]
    kernel = kernel_cache.get(specify(operation, given, results, **arguments))
    kernel(*read, *written)


@functools.lru_cache(maxsize=1024)
def _view(
    address: int, shape: tuple[int, ...], dtype: np.dtype, alignment: int = buffers.ALIGNMENT
) -> object:
    """A kernel's argument for an array; cached, because an optimizer passes the same arrays at each step."""
    return ctypes.byref(buffers.Buffer.at(address, shape, dtype, alignment))


def pack(rows: np.ndarray) -> np.ndarray:
    """(N, n) → (⌈N/L⌉, n, L), L examples side by side; the last group is filled up with zeros."""
    L, (N, n) = tiles.vector(), rows.shape
    groups = -(-N // L)
    packed = buffers.zeros((groups, n, L), rows.dtype.type)
    full = N // L
    packed[:full] = rows[: full * L].reshape(full, L, n).transpose(0, 2, 1)
    if full < groups:
        packed[full, :, : N - full * L] = rows[full * L :].T
    return packed


def unpack(packed: np.ndarray, N: int) -> np.ndarray:
    """The inverse of `pack`, for the first N examples."""
    groups, n, L = packed.shape
    return np.ascontiguousarray(packed.transpose(0, 2, 1).reshape(groups * L, n)[:N])

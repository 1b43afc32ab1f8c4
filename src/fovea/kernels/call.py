"""Single calls of kernels on NumPy arrays. Plans (stages/plan.py) prepare their calls in advance instead."""

import ctypes
import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from fovea.kernels import buffers, kernel_cache, tiles
from fovea.kernels.specification import Specification, specify

_listed: ContextVar[list[Specification] | None] = ContextVar("listed", default=None)


@contextmanager
def listed() -> Iterator[list[Specification]]:
    """Within the block, `run` appends specifications to the list and runs no kernel: outputs keep the values
    that their memory happens to hold."""
    specifications: list[Specification] = []
    token = _listed.set(specifications)
    try:
        yield specifications
    finally:
        _listed.reset(token)


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
    reads, writes, passed, copies = [], [], [], []
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            array = buffers.aligned(value, value.dtype.type, alignment)
            copies.append(array)  # alive until the kernel has run
            value = _view(array.ctypes.data, array.shape, array.dtype, alignment)
        if value is not None:
            reads.append(name)
            passed.append(value)
    for name, array in outputs.items():
        if array is not None:
            assert array.flags.c_contiguous
            writes.append(name)
            passed.append(_view(array.ctypes.data, array.shape, array.dtype))
    specification = specify(operation, reads, writes, **arguments)
    if (listed_so_far := _listed.get()) is not None:
        listed_so_far.append(specification)
        return
    kernel_cache.get(specification)(*passed)


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

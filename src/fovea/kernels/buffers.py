"""NumPy memory for kernels: aligned arrays, and Halide's view of an array.

A kernel takes `halide_buffer_t*` (HalideRuntime.h). Halide counts dimensions from the innermost, so NumPy's
last axis is its dimension 0.
"""

import ctypes
from collections.abc import Callable, Sequence
from math import prod

import numpy as np

ALIGNMENT = 64  # bytes: a 512-bit vector, and a cache line

_TYPE_CODE = {"i": 0, "u": 1, "f": 2}


class _Dimension(ctypes.Structure):  # halide_dimension_t
    _fields_ = (
        ("min", ctypes.c_int32),
        ("extent", ctypes.c_int32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    )


class _Type(ctypes.Structure):  # halide_type_t
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class Buffer(ctypes.Structure):  # halide_buffer_t
    _fields_ = (
        ("device", ctypes.c_uint64),
        ("device_interface", ctypes.c_void_p),
        ("host", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("type", _Type),
        ("dimensions", ctypes.c_int32),
        ("dim", ctypes.POINTER(_Dimension)),
        ("padding", ctypes.c_void_p),
    )

    @classmethod
    def of(cls, array: np.ndarray, alignment: int = ALIGNMENT) -> "Buffer":
        """A view of `array`, which it keeps alive, and which starts on a cache line.

        Halide assumes this alignment for masked loads and stores; a kernel without any may pass a smaller
        one.
        """
        assert array.flags.c_contiguous
        buffer = cls.at(array.ctypes.data, array.shape, array.dtype, alignment)
        buffer.keep = array, buffer.keep
        return buffer

    @classmethod
    def at(cls, address: int, shape: Sequence[int], dtype: np.dtype, alignment: int = ALIGNMENT) -> "Buffer":
        """A view of dense memory at `address`, which the caller keeps alive."""
        assert address % alignment == 0 or 0 in shape, "memory for kernels comes from this module"
        dims, stride = (_Dimension * max(len(shape), 1))(), 1
        for dimension, extent in zip(dims, reversed(shape), strict=False):
            dimension.extent, dimension.stride = extent, stride
            stride *= extent
        kind = _Type(_TYPE_CODE[dtype.kind], 8 * dtype.itemsize, 1)
        buffer = cls(host=address, type=kind, dimensions=len(shape), dim=dims)
        buffer.keep = dims
        return buffer

    def without_memory(self) -> "Buffer":
        """A buffer of this shape without memory, with room for more dimensions."""
        dims = (_Dimension * 16)(*self.dim[: self.dimensions])
        buffer = Buffer(type=self.type, dimensions=self.dimensions, dim=dims)
        buffer.keep = dims
        return buffer

    def set_outermost(self, extent: int) -> None:
        """Restrict the kernel to the first `extent` entries of NumPy's first axis."""
        self.dim[self.dimensions - 1].extent = extent


def empty(shape: Sequence[int], dtype: type = np.float32) -> np.ndarray:
    """An uninitialised array that starts on a cache line."""
    return _from_cache_line(np.empty, shape, dtype)


def aligned(array: np.ndarray, dtype: type = np.float32, alignment: int = ALIGNMENT) -> np.ndarray:
    """`array` itself if a kernel can read it, else a copy: of `dtype`, dense, and on a cache line."""
    return array if is_ready(array, dtype, alignment) else copy(array, dtype)


def is_ready(array: np.ndarray, dtype: type = np.float32, alignment: int = ALIGNMENT) -> bool:
    """True if a kernel can read and write `array` in place."""
    return array.dtype == dtype and array.flags.c_contiguous and array.ctypes.data % alignment == 0


def copy(array: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """A dense copy that starts on a cache line."""
    result = empty(array.shape, dtype or array.dtype.type)
    result[...] = array
    return result


def zeros(shape: Sequence[int], dtype: type = np.float32) -> np.ndarray:
    """As `empty`, filled with zeros: by the system, when a page is first touched."""
    return _from_cache_line(np.zeros, shape, dtype)


def _from_cache_line(allocate: Callable[..., np.ndarray], shape: Sequence[int], dtype: type) -> np.ndarray:
    size = prod(shape) * np.dtype(dtype).itemsize
    memory = allocate(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)

"""A pool of memory for large results.

Fresh memory is zeroed by the system page by page as it is first touched: for the 48 MB of a picture's
gradient, a third of the filter's time. So the memory of a large result is reused for the next result of its
size, once nothing refers to it.
"""

import weakref
from collections import deque
from collections.abc import Sequence
from math import prod

import numpy as np

from fovea.kernels.buffers import ALIGNMENT

_LEAST = 2**20  # bytes: smaller results come from the process's heap
_MOST = 2**28  # bytes: larger ones would withhold too much memory

# Free pieces, three at most; a fourth releases the oldest. A result may be collected at any moment, even
# during these functions: appending to and popping from a deque are atomic.
_free: deque[np.ndarray] = deque(maxlen=3)


def empty(shape: Sequence[int], dtype: type) -> np.ndarray:
    """An uninitialised array that starts on a cache line, like `buffers.empty`."""
    size = prod(shape) * np.dtype(dtype).itemsize
    piece = _taken(size)
    # Made from a buffer, not from an array: then `lease` is the base of the result and of all its views, and
    # its finalizer runs when the last of them is gone. NumPy would set the base to `piece` otherwise.
    lease = np.frombuffer(piece.data, np.uint8)
    if _LEAST <= size <= _MOST:
        weakref.finalize(lease, _free.append, piece).atexit = False
    start = -piece.ctypes.data % ALIGNMENT
    return lease[start : start + size].view(dtype).reshape(shape)


def _taken(size: int) -> np.ndarray:
    """A piece with room for `size` aligned bytes: a free one, or a new one."""
    for _ in range(len(_free)):
        try:
            piece = _free.pop()  # the latest, which may still be in the cache
        except IndexError:  # another thread took it
            break
        if piece.size == size + ALIGNMENT:
            return piece
        _free.appendleft(piece)
    return np.empty(size + ALIGNMENT, np.uint8)

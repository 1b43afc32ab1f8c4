"""Memory for large results, taken again when they are dropped.

Memory that comes fresh from the system is zeroed page by page as it is first touched: for the 48 MB of a
picture's gradient that is a third of the time that the filter takes. So a large result's memory, once nothing
refers to it any more, waits for the next result of its size.
"""

import weakref
from collections import deque
from collections.abc import Sequence
from math import prod

import numpy as np

from fovea.kernels.buffers import ALIGNMENT

_LEAST = 2**20  # bytes: smaller results come from memory that the process has already
_MOST = 2**28  # bytes: larger ones take long anyway, and would be missed elsewhere

# The memory that waits: three pieces at most; where there are more, one is given back. Adding and taking are
# single steps of a deque, so that the end of a result may come in the middle of either.
_waiting: deque[np.ndarray] = deque(maxlen=3)


def empty(shape: Sequence[int], dtype: type) -> np.ndarray:
    """An uninitialised array that starts on a cache line, as `buffers.empty` makes it."""
    size = prod(shape) * np.dtype(dtype).itemsize
    piece = _taken(size)
    # An array upon a buffer, not upon another array: it is what the result and all views of it refer to, for
    # NumPy looks for an array's owner no further than to the last array of a row.
    lease = np.frombuffer(piece.data, np.uint8)
    if _LEAST <= size <= _MOST:
        weakref.finalize(lease, _waiting.append, piece).atexit = False
    start = -piece.ctypes.data % ALIGNMENT
    return lease[start : start + size].view(dtype).reshape(shape)


def _taken(size: int) -> np.ndarray:
    """A piece with room for `size` bytes from an aligned start on: one that waits, or a new one."""
    for _ in range(len(_waiting)):
        try:
            piece = _waiting.pop()  # the latest, which the cache may still hold
        except IndexError:  # another thread took it
            break
        if piece.size == size + ALIGNMENT:
            return piece
        _waiting.appendleft(piece)
    return np.empty(size + ALIGNMENT, np.uint8)

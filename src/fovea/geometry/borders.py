"""Border modes of a picture, with the names of scipy.ndimage.

    reflect    d c b a | a b c d | d c b a      OpenCV's BORDER_REFLECT
    mirror     d c b | a b c d | c b a          BORDER_REFLECT_101, OpenCV's default
    nearest    a a a | a b c d | d d d          BORDER_REPLICATE
    wrap       b c d | a b c d | a b c          BORDER_WRAP
    constant   v v v | a b c d | v v v          BORDER_CONSTANT

All but the last are a table of indices, an argument of the engines: so a kernel does not depend on the mode,
and a picture may be smaller than the filter.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fovea.geometry import Pair


class Border(NamedTuple):
    """A mode, and the value outside the picture for `constant`."""

    mode: str
    value: float = 0.0


def _reflect(i: np.ndarray, n: int) -> np.ndarray:
    i = i % (2 * n)
    return np.minimum(i, 2 * n - 1 - i)


def _mirror(i: np.ndarray, n: int) -> np.ndarray:
    period = max(2 * n - 2, 1)
    i = i % period
    return np.minimum(i, period - i)


# mode → the pixel of 0 … n − 1 at position i, which may be any whole number
_SOURCE: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "reflect": _reflect,
    "mirror": _mirror,
    "nearest": lambda i, n: i.clip(0, n - 1),
    "wrap": lambda i, n: i % n,
}
MODES = (*_SOURCE, "constant")


def source(mode: str, positions: np.ndarray, n: int) -> np.ndarray:
    """The pixel of 0 … n − 1 at each of `positions`. Not for "constant"."""
    return _SOURCE[mode](positions, n)


@lru_cache(256)
def sources(mode: str, n: int, size: int) -> np.ndarray:
    """The pixel at each of the n + size − 1 positions that a filter of `size` sees; read-only.

    The filter's middle, the later of the two if `size` is even, visits each pixel once. Not for "constant".
    """
    table = source(mode, np.arange(-(size // 2), n + size - 1 - size // 2), n)
    table.flags.writeable = False
    return table


def framed(image: np.ndarray, size: Pair, border: Border) -> np.ndarray:
    """`image` (H, W, C) with the border that a filter of `size` sees: (H + f_H − 1, W + f_W − 1, C)."""
    if border.mode == "constant":
        return around(image, size, border.value)
    rows, columns = (sources(border.mode, n, f) for n, f in zip(image.shape, size, strict=False))
    return image[np.ix_(rows, columns)]


def around(image: np.ndarray, size: Pair, value: float) -> np.ndarray:
    """`framed` with the mode `constant`."""
    before_after = [(f // 2, f - 1 - f // 2) for f in size]
    return np.pad(image, [*before_after, (0, 0)], constant_values=value)

"""The last numbers of a 16-bit row, rounded as in OpenCV.

OpenCV computes a row in vectors, and the remaining numbers at its end one by one, with different rounding: a
result halfway between two whole numbers sometimes rounds the other way there.

    apply    vectors round each product and sum once (FMA), the tail rounds the product first
    box      vectors multiply by 1 / area in float32, the tail in float64
"""

import numpy as np

from fovea.filters.picture import Picture
from fovea.geometry import Pair
from fovea.geometry.borders import framed, sources

_APPLY, _BOX = 4, 8  # numbers in a vector


def correlated(picture: Picture, kernel: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """`answer` (H, W, C) of a float32 `kernel`, with the tail of each row as in OpenCV."""
    rest, seen, shape = _tail(picture, kernel.shape, _APPLY)
    if not rest:
        return answer
    H, W, _ = shape
    sums = np.zeros(shape, np.float32)
    for (a, b), weight in np.ndenumerate(kernel):
        sums += weight * seen[a : a + H, b : b + W].astype(np.float32)
    return _with_tail(answer, np.clip(np.rint(sums), 0, np.iinfo(np.uint16).max), rest)


def averaged(picture: Picture, size: Pair, answer: np.ndarray) -> np.ndarray:
    """`answer` (H, W, C) of a box of `size`, with the tail of each row as in OpenCV."""
    rest, seen, _ = _tail(picture, size, _BOX)
    if not rest:
        return answer
    sums = _windows(_windows(seen, size[0]).swapaxes(0, 1), size[1]).swapaxes(0, 1)
    return _with_tail(answer, np.rint(sums * (1.0 / (size[0] * size[1]))), rest)


def _tail(picture: Picture, size: Pair, lanes: int) -> tuple[int, np.ndarray, tuple[int, int, int]]:
    """The number of values in a row's tail; the padded columns of the picture that a filter of `size` needs
    for them; and the shape of its result there."""
    H, W, C = picture.values.shape
    rest = W * C % lanes
    pixels = -(-rest // C)
    wanted, mode = pixels + size[1] - 1, picture.border.mode
    if mode == "constant":
        seen = framed(picture.values[:, max(0, W - wanted) :], size, picture.border)[:, -wanted:]
    else:
        seen = picture.values[np.ix_(sources(mode, H, size[0]), sources(mode, W, size[1])[-wanted:])]
    return rest, seen, (H, pixels, C)


def _windows(values: np.ndarray, size: int) -> np.ndarray:
    """The sums of `size` neighbours along the first axis."""
    sums = np.cumsum(np.insert(values.astype(np.int64), 0, 0, axis=0), axis=0)
    return sums[size:] - sums[:-size]


def _with_tail(answer: np.ndarray, last: np.ndarray, rest: int) -> np.ndarray:
    """`answer` with the last `rest` values of each row replaced by those of `last` (H, pixels, C)."""
    rows = answer.reshape(len(answer), -1)
    rows[:, -rest:] = last.reshape(len(answer), -1)[:, -rest:]
    return rows.reshape(answer.shape)

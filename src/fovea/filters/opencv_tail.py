"""The last numbers of a row of 16 bits, as OpenCV has them.

OpenCV computes a row vector by vector, and what is left over at its end number by number, in other roundings:
now and then a result that falls between two whole numbers goes the other way there.

    apply    vectors add each product in one rounding, the rest rounds the product first
    box      vectors multiply by 1 / area in float32, the rest in float64
"""

import numpy as np

from fovea.filters.picture import Picture
from fovea.geometry import Pair
from fovea.geometry.borders import framed, sources

_APPLY, _BOX = 4, 8  # numbers in a vector


def correlated(picture: Picture, kernel: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """`answer` (H, W, C) of a float32 `kernel`, with the rest of each row as OpenCV's."""
    rest, seen, shape = _rest(picture, kernel.shape, _APPLY)
    if not rest:
        return answer
    H, W, _ = shape
    sums = np.zeros(shape, np.float32)
    for (a, b), weight in np.ndenumerate(kernel):
        sums += weight * seen[a : a + H, b : b + W].astype(np.float32)
    return _ending(answer, np.clip(np.rint(sums), 0, np.iinfo(np.uint16).max), rest)


def averaged(picture: Picture, size: Pair, answer: np.ndarray) -> np.ndarray:
    """`answer` (H, W, C) of a box of `size`, with the rest of each row as OpenCV's."""
    rest, seen, _ = _rest(picture, size, _BOX)
    if not rest:
        return answer
    sums = _windows(_windows(seen, size[0]).swapaxes(0, 1), size[1]).swapaxes(0, 1)
    return _ending(answer, np.rint(sums * (1.0 / (size[0] * size[1]))), rest)


def _rest(picture: Picture, size: Pair, lanes: int) -> tuple[int, np.ndarray, tuple[int, int, int]]:
    """How many numbers of a row are left over; the columns of the picture that a filter of `size` sees for
    them, with what lies beyond the border; and the shape of its answer there."""
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


def _ending(answer: np.ndarray, last: np.ndarray, rest: int) -> np.ndarray:
    """`answer` with the last `rest` numbers of each row as `last` (H, pixels, C) has them."""
    rows = answer.reshape(len(answer), -1)
    rows[:, -rest:] = last.reshape(len(answer), -1)[:, -rest:]
    return rows.reshape(answer.shape)

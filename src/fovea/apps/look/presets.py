"""Known filters to replace learned ones: Sobel, Scharr and others, in whole numbers."""

from typing import Any

import numpy as np

from fovea import filters
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair

_CONVENTION = "opencv"  # whole numbers, as books print them


def fitting(size: Pair) -> list[str]:
    """The names of filters that fit into a window of `size`."""
    return [name for name in filters.names() if _fits(_numbers(name), size)]


def framed(given: Any, size: Pair, who: str) -> np.ndarray:
    """The filter named `given` with zeros around it, or the numbers `given`: float64 of shape `size`.

    Raises ShapeError, which names `who`, for another name or numbers of another shape.
    """
    if isinstance(given, str):
        if given not in fitting(size):
            names = ", ".join(fitting(size)) or "there is none"
            raise ShapeError(
                mismatch(f"{who}: filter", f"one that fits {size[0]}×{size[1]} ({names})", repr(given))
            )
        kernel, frame = _numbers(given), np.zeros(size)
        top, left = (n // 2 - f // 2 for n, f in zip(size, kernel.shape, strict=True))
        frame[top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
        return frame
    try:
        numbers = np.array(given, np.float64)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape != size or not (np.abs(numbers) <= 1e6).all():
        raise ShapeError(
            mismatch(f"{who}: weights", f"a name, or {size[0]}×{size[1]} numbers", "something else")
        )
    return numbers


def whole_filter(name: str, shape: tuple[int, ...], who: str) -> np.ndarray:
    """The filter for a convolution's window (f_H, f_W, C_in): the same in each channel, divided by C_in."""
    return np.repeat(framed(name, (shape[0], shape[1]), who)[:, :, np.newaxis], shape[2], axis=2) / shape[2]


def _numbers(name: str) -> np.ndarray:
    return filters.weights(name, _CONVENTION)


def _fits(kernel: np.ndarray, size: Pair) -> bool:
    return kernel.shape[0] <= size[0] and kernel.shape[1] <= size[1]

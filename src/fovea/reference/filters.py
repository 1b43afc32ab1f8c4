"""Filters of pictures (H, W, C), each channel by itself; `fovea.geometry.borders` fills in what lies beyond.

    out[h, w] = Σ_{a, b} K[a, b] · image_b[h + a, w + b], image_b the picture with its border            (1)
    magnitude = √(g_y² + g_x²), direction = atan2(g_y, g_x), g_y and g_x the answers to two kernels      (2)

Filters are not turned round; their middle, of an even size the later of the two, is the pixel that they
answer for. `result` names the type of what comes out. Arguments come checked from `fovea.filters`.
"""

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from fovea.geometry.borders import Border, framed
from fovea.reference.quiet import quietly

Kernel = Sequence[Sequence[int]]


@quietly
def stencil(
    image: np.ndarray, kernels: Sequence[Kernel], form: str, result: str, scale: float | None, border: Border
) -> tuple[np.ndarray, ...]:
    """Answers to one or two small kernels of whole numbers, of the same size.

    form "sum": (1), times `scale` if there is one, else as it is, whole numbers cut to the result's range;
    "magnitude", "direction" or "polar", which is both: (2), the magnitude times `scale`. Pictures of whole
    numbers are summed exactly. A pixel that meets a 0 does not count, be it NaN or infinity.
    """
    size = len(kernels[0]), len(kernels[0][0])
    seen = framed(image, size, border)
    seen = seen.astype(np.int64 if image.dtype.kind == "u" else image.dtype)
    answers = [_by_columns(seen, kernel, image.shape) for kernel in kernels]
    dtype = np.dtype(result).type
    if form == "sum":
        return (_fit(answers[0], result) if scale is None else answers[0].astype(result) * dtype(scale),)
    g_y, g_x = (answer.astype(result) for answer in answers)
    length = np.sqrt(g_y * g_y + g_x * g_x) * dtype(1.0 if scale is None else scale)  # (2)
    angle = np.arctan2(g_y + dtype(0), g_x + dtype(0))  # (2) −0 + 0 = 0
    return {"magnitude": (length,), "direction": (angle,), "polar": (length, angle)}[form]


@quietly
def separable(
    image: np.ndarray,
    down: np.ndarray,
    along: np.ndarray,
    result: str,
    finish: float | tuple[int, int, int],
    border: Border,
) -> np.ndarray:
    """(1) for K = down ⊗ along, weights (f_H,) and (f_W,) of real numbers, or of uint32 for whole pictures.

    `finish` is a number that sums are multiplied by, and rounded to even if the result is of whole numbers;
    or, for weights of whole numbers, (half, times, shift): (sum + half) · times >> shift.
    """
    seen = framed(image, (len(down), len(along)), border)
    seen = seen.astype(np.uint64 if down.dtype.kind == "u" else down.dtype)
    down, along = down.astype(seen.dtype), along.astype(seen.dtype)
    H, W, _ = image.shape
    columns, sums = np.zeros((H, *seen.shape[1:]), seen.dtype), np.zeros(image.shape, seen.dtype)
    for a, weight in enumerate(down):
        columns += weight * seen[a : a + H]
    for b, weight in enumerate(along):
        sums += weight * columns[:, b : b + W]  # (1)
    if isinstance(finish, tuple):
        half, times, shift = (np.uint64(number) for number in finish)
        return ((sums + half) * times >> shift).astype(result)
    real = np.float64 if image.dtype == np.float64 else np.float32
    return _fit(sums.astype(real) * real(finish), result)


@quietly
def correlate(image: np.ndarray, kernel: np.ndarray, result: str, scale: float, border: Border) -> np.ndarray:
    """(1) for a kernel (f_H, f_W) of real numbers, whose type is that of the sum; times `scale`.

    Every product is added to the sum in one rounding, row by row of the kernel: OpenCV's numbers, bit for
    bit.
    """
    seen = framed(image, (kernel.shape[0], kernel.shape[1]), border).astype(kernel.dtype)
    return _fit(_sum(seen, kernel, image.shape) * kernel.dtype.type(scale), result)


def _by_columns(seen: np.ndarray, kernel: Kernel, shape: tuple[int, ...]) -> np.ndarray:
    """(1) in the order of the kernels: down each column, whose weights share a factor, then across."""
    H, W, _ = shape
    out = None
    for b, weights in enumerate(zip(*kernel, strict=True)):
        if any(weights):
            factor = math.gcd(*weights) * (1 if next(filter(None, weights)) > 0 else -1)
            rows = (seen[a : a + H] * seen.dtype.type(w // factor) for a, w in enumerate(weights) if w)
            part = reduce(np.add, rows)[:, b : b + W] * seen.dtype.type(factor)
            out = part if out is None else out + part
    assert out is not None
    return out


def _sum(seen: np.ndarray, kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    H, W, _ = shape
    exact = np.longdouble if seen.dtype == np.float64 else np.float64  # holds a product of two float32
    out = np.zeros(shape, seen.dtype)
    for (a, b), weight in np.ndenumerate(kernel):
        if seen.dtype.kind == "f":
            out = (out + exact(weight) * seen[a : a + H, b : b + W]).astype(seen.dtype)
        elif weight:
            out += weight * seen[a : a + H, b : b + W]  # (1)
    return out


def _fit(values: np.ndarray, result: str) -> np.ndarray:
    """As `result`: rounded to even and cut to its range, if it is a type of whole numbers."""
    if np.dtype(result).kind == "f":
        return values.astype(result)
    limits = np.iinfo(result)
    return np.clip(np.rint(values), limits.min, limits.max).astype(result)

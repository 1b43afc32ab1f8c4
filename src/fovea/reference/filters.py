"""Filters of pictures (H, W, C), channel by channel; `fovea.geometry.borders` extends them beyond their
border.

    out[h, w] = Σ_{a, b} K[a, b] · image_b[h + a, w + b], image_b the picture with its border            (1)
    magnitude = √(g_y² + g_x²), direction = atan2(g_y, g_x), g_y and g_x the results of two kernels      (2)

Kernels are not flipped; their centre, the later of two for an even size, is at the output's pixel. `result`
names the type of the result. `fovea.filters` has checked the arguments.
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
    """Filter with one or two small kernels of whole numbers, of the same size.

    form "sum": (1), times `scale` if there is one; otherwise whole numbers are clipped to the result's range.
    "magnitude", "direction" or "polar", which is both: (2), the magnitude times `scale`. Pictures of whole
    numbers are summed exactly. A pixel with weight 0 does not count, even if it is NaN or infinite.
    """
    size = len(kernels[0]), len(kernels[0][0])
    extended = framed(image, size, border)
    extended = extended.astype(np.int64 if image.dtype.kind == "u" else image.dtype)
    filtered = [_by_columns(extended, kernel, image.shape) for kernel in kernels]
    dtype = np.dtype(result).type
    if form == "sum":
        return (_fit(filtered[0], result) if scale is None else filtered[0].astype(result) * dtype(scale),)
    g_y, g_x = (component.astype(result) for component in filtered)
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
    """(1) for K = down ⊗ along, with weights (f_H,) and (f_W,) that are real, or uint32 for pictures of whole
    numbers.

    `finish` is a factor for the sums, which are then rounded half to even if the result has whole numbers;
    or, for uint32 weights, (half, times, shift): (sum + half) · times >> shift.
    """
    extended = framed(image, (len(down), len(along)), border)
    extended = extended.astype(np.uint64 if down.dtype.kind == "u" else down.dtype)
    down, along = down.astype(extended.dtype), along.astype(extended.dtype)
    H, W, _ = image.shape
    columns, sums = np.zeros((H, *extended.shape[1:]), extended.dtype), np.zeros(image.shape, extended.dtype)
    for a, weight in enumerate(down):
        columns += weight * extended[a : a + H]
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

    Products are added row by row of the kernel, each with one rounding: bit-identical to OpenCV.
    """
    extended = framed(image, (kernel.shape[0], kernel.shape[1]), border).astype(kernel.dtype)
    return _fit(_sum(extended, kernel, image.shape) * kernel.dtype.type(scale), result)


def _by_columns(extended: np.ndarray, kernel: Kernel, shape: tuple[int, ...]) -> np.ndarray:
    """(1) in the order of the compiled kernels: down each column, without its weights' common factor, then
    across."""
    H, W, _ = shape
    out = None
    for b, weights in enumerate(zip(*kernel, strict=True)):
        if any(weights):
            factor = math.gcd(*weights) * (1 if next(filter(None, weights)) > 0 else -1)
            rows = (
                extended[a : a + H] * extended.dtype.type(w // factor) for a, w in enumerate(weights) if w
            )
            part = reduce(np.add, rows)[:, b : b + W] * extended.dtype.type(factor)
            out = part if out is None else out + part
    assert out is not None
    return out


def _sum(extended: np.ndarray, kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    H, W, _ = shape
    exact = np.longdouble if extended.dtype == np.float64 else np.float64  # holds a product of two float32
    out = np.zeros(shape, extended.dtype)
    for (a, b), weight in np.ndenumerate(kernel):
        if extended.dtype.kind == "f":
            out = (out + exact(weight) * extended[a : a + H, b : b + W]).astype(extended.dtype)
        elif weight:
            out += weight * extended[a : a + H, b : b + W]  # (1)
    return out


def _fit(values: np.ndarray, result: str) -> np.ndarray:
    """`values` as type `result`: rounded half to even and clipped to its range, if it has whole numbers."""
    if np.dtype(result).kind == "f":
        return values.astype(result)
    limits = np.iinfo(result)
    return np.clip(np.rint(values), limits.min, limits.max).astype(result)

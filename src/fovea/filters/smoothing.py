"""Filters whose result is a picture: smoothing, sharpening, embossing, and any kernel.

With OpenCV's convention they are `cv2.GaussianBlur`, `cv2.blur` and `cv2.filter2D`, bit for bit: whole
numbers stay whole, rounded and clipped to their range.
"""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.filters import opencv_tail
from fovea.filters.picture import Options, Picture
from fovea.filters.weights import (
    EMBOSS,
    MOST_SIGMA,
    MOST_SIZE,
    SHARPEN,
    Whole,
    gaussian_radius,
    in_fixed_point,
)
from fovea.filters.weights import gaussian as gaussian_weights
from fovea.functional import operations
from fovea.geometry import Pair, pair


def gaussian(
    image: np.ndarray, sigma: float | Sequence[float] = 1.0, **options: Unpack[Options]
) -> np.ndarray:
    """Smooth with a Gaussian of standard deviation `sigma` in pixels, one number or two (down, along); 0
    means no smoothing.

    The default border is `nearest`, as in scikit-image; with OpenCV's convention it is mirrored.
    """
    picture = Picture.of(image, "filters.gaussian", "nearest", **options)
    eight = picture.values.dtype == np.uint8
    lines = [gaussian_weights(s, gaussian_radius(s, picture.convention, eight)) for s in _sigmas(sigma)]
    finish: float | tuple[int, int, int] = picture.unit
    if picture.whole and not picture.scaled:
        bits = 8 if eight else 16
        lines = [in_fixed_point(line, bits) for line in lines]
        finish = (1 << 2 * bits - 1, 1, 2 * bits)
    else:
        lines = [line.astype(picture.real) for line in lines]
    return _separable(picture, lines[0], lines[1], finish)


def box(image: np.ndarray, size: int | Pair = 3, **options: Unpack[Options]) -> np.ndarray:
    """The average over a window of `size`, one whole number or (height, width)."""
    picture = Picture.of(image, "filters.box", **options)
    height, width = pair(size, "filters.box", "size")
    area = height * width
    if max(height, width) > MOST_SIZE:
        raise ShapeError(mismatch("filters.box: size", f"at most {MOST_SIZE}", repr(size)))
    if not picture.whole:
        lines = [np.full(n, 1.0 / n, picture.real) for n in (height, width)]
        return _separable(picture, lines[0], lines[1], 1.0)
    ones = [np.ones(n, np.uint32) for n in (height, width)]
    if picture.values.dtype == np.uint8 and not picture.scaled and 1 < area <= _SMALL:
        return _separable(picture, ones[0], ones[1], _divided(area))
    answer = _separable(picture, ones[0], ones[1], picture.unit / area)
    return opencv_tail.averaged(picture, (height, width), answer) if picture.same == "uint16" else answer


def sharpen(image: np.ndarray, **options: Unpack[Options]) -> np.ndarray:
    """The picture minus its Laplacian, which amplifies each pixel's difference from its neighbours."""
    return _small(SHARPEN, Picture.of(image, "filters.sharpen", **options))


def emboss(image: np.ndarray, **options: Unpack[Options]) -> np.ndarray:
    """The picture as a relief, with light from the lower right."""
    return _small(EMBOSS, Picture.of(image, "filters.emboss", **options))


def apply(image: np.ndarray, kernel: Any, **options: Unpack[Options]) -> np.ndarray:
    """Any filter: Σ kernel[a, b] · image[h + a, w + b], a and b counted from the middle, each channel
    separately.

    `kernel` is a rectangle of numbers, (f_H, f_W); it is not flipped (`kernel[::-1, ::-1]` flips it). The
    middle of an even size is the later of the two. Equals scipy.ndimage.correlate; with OpenCV's convention
    cv2.filter2D(image, -1, kernel), bit for bit for whole pictures and kernels of fewer than 130 numbers, or
    50 for uint16; for larger ones OpenCV uses a Fourier transform, which may round differently.
    """
    picture = Picture.of(image, "filters.apply", **options)
    numbers = checked_kernel(kernel, "filters.apply").astype(picture.real)
    correlate = operations("filters").correlate
    answer = correlate(picture.values, numbers, picture.same, picture.unit, picture.border)
    return picture.shaped(
        opencv_tail.correlated(picture, numbers, answer) if picture.same == "uint16" else answer
    )


def checked_kernel(kernel: Any, who: str) -> np.ndarray:
    """`kernel` as float64 (f_H, f_W). Raises ShapeError unless it is a rectangle of finite numbers."""
    expected = "a kernel that is a rectangle of numbers, (f_H, f_W)"
    try:
        numbers = np.asarray(kernel)
    except ValueError as error:
        raise ShapeError(mismatch(who, expected, "rows of different lengths")) from error
    if numbers.dtype.kind not in "biuf":
        got = "complex numbers" if numbers.dtype.kind == "c" else f"{numbers.dtype} values"
        raise ShapeError(mismatch(who, expected, got))
    if numbers.ndim != 2 or numbers.size == 0:
        remedy = "write one row as [[1, 0, -1]]" if numbers.ndim == 1 and numbers.size else ""
        raise ShapeError(mismatch(who, expected, f"shape {numbers.shape}", remedy))
    numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ShapeError(mismatch(who, "a kernel of finite numbers", "NaN or infinity"))
    return numbers


_SMALL = 256  # pixels: the largest window for which OpenCV divides 8-bit sums in fixed point


def _divided(area: int) -> tuple[int, int, int]:
    """(half, times, shift) of OpenCV's rounded division by `area`: (sum + half) · times >> 23."""
    times, rest = divmod(1 << 23, area)
    return (area // 2 + 1, times, 23) if 2 * rest < area else (area // 2, times + 1, 23)


def _sigmas(sigma: Any) -> tuple[float, float]:
    try:
        values = np.asarray(sigma)
    except ValueError:  # lists of different lengths
        values = np.array(None)
    numbers = values.ravel().astype(float) if values.dtype.kind in "iuf" else np.array([])
    if values.ndim == 0:
        numbers = np.repeat(numbers, 2)
    if len(numbers) != 2 or not ((numbers >= 0) & (numbers <= MOST_SIGMA)).all():
        expected = f"one or two numbers from 0 to {MOST_SIGMA:g}"
        raise ShapeError(mismatch("filters.gaussian: sigma", expected, repr(sigma)))
    return float(numbers[0]), float(numbers[1])


def _separable(
    picture: Picture, down: np.ndarray, along: np.ndarray, finish: float | tuple[int, int, int]
) -> np.ndarray:
    separable = operations("filters").separable
    return picture.shaped(separable(picture.values, down, along, picture.same, finish, picture.border))


def _small(kernel: Whole, picture: Picture) -> np.ndarray:
    scale = picture.unit if picture.scaled else None
    stencil = operations("filters").stencil
    (answer,) = stencil(picture.values, (kernel,), "sum", picture.same, scale, picture.border)
    return picture.shaped(answer)

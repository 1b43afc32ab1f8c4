"""Edge filters: first differences, and the second differences of Laplace.

g_y, g_x              the responses of an operator's two kernels: brightness growing downward, to the right
magnitude             √(g_y² + g_x²), which scikit-image divides by √2
direction             atan2(g_y, g_x), towards growing brightness: 0 to the right, π/2 downward            (1)
"""

from math import sqrt
from typing import Any, Unpack

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.filters.picture import Options, Picture
from fovea.filters.weights import HORIZONTAL, LAPLACIAN, OPERATORS, VERTICAL, Whole
from fovea.functional import operations


def vertical(image: np.ndarray, **options: Unpack[Options]) -> np.ndarray:
    """Vertical edges: [[1, 0, −1]] in three rows responds to bright left of dark with 3 times the
    difference."""
    picture = Picture.of(image, "filters.vertical", **options)
    return _response(picture, VERTICAL, 1)


def horizontal(image: np.ndarray, **options: Unpack[Options]) -> np.ndarray:
    """Horizontal edges: `vertical` rotated by 90° responds to bright above dark with 3 times the
    difference."""
    picture = Picture.of(image, "filters.horizontal", **options)
    return _response(picture, HORIZONTAL, 1)


def prewitt(image: np.ndarray, axis: int | None = None, **options: Unpack[Options]) -> np.ndarray:
    """Edges as in `sobel`, with equal weights; scikit-image divides by 3."""
    return _operator("prewitt", image, axis, options)


def roberts(image: np.ndarray, axis: int | None = None, **options: Unpack[Options]) -> np.ndarray:
    """Differences over 2×2 pixels along the two diagonals: axis 0 falls to the right, axis 1 rises to the
    right, None is the magnitude."""
    return _operator("roberts", image, axis, options)


def sobel(image: np.ndarray, axis: int | None = None, **options: Unpack[Options]) -> np.ndarray:
    """Edges, with double weight on the middle row or column.

    axis 0 responds to horizontal edges, positive if brightness grows downward; axis 1 to vertical ones,
    positive if it grows to the right; None is the magnitude of both. scikit-image divides by 4. OpenCV's
    `cv2.Sobel(image, …, dx, dy)` is axis 1 for dx = 1 and axis 0 for dy = 1; the magnitude is `cv2.magnitude`
    of both.
    """
    return _operator("sobel", image, axis, options)


def scharr(image: np.ndarray, axis: int | None = None, **options: Unpack[Options]) -> np.ndarray:
    """Edges as in `sobel`, with weights 3, 10, 3 instead of 1, 2, 1: nearly equal responses to all
    directions. scikit-image divides by 16."""
    return _operator("scharr", image, axis, options)


def laplacian(image: np.ndarray, **options: Unpack[Options]) -> np.ndarray:
    """The sum of a pixel's four neighbours minus four times the pixel; the negative with scikit-image's
    convention."""
    picture = Picture.of(image, "filters.laplacian", **options)
    return _response(picture, LAPLACIAN, -1)


def gradient(
    image: np.ndarray, operator: str = "sobel", **options: Unpack[Options]
) -> tuple[np.ndarray, np.ndarray]:
    """(magnitude, direction) in one pass; `operator` is "prewitt", "roberts", "sobel" or "scharr".

    The direction is (1), in radians from −π to π, 0 if there is none; float32 (float64 for float64 pictures).
    For roberts the angle is measured from the rising diagonal to the falling one.
    """
    length, angle = _polar("polar", image, operator, options, "filters.gradient")
    return length, angle


def magnitude(image: np.ndarray, operator: str = "sobel", **options: Unpack[Options]) -> np.ndarray:
    """The magnitude of `gradient`."""
    return _polar("magnitude", image, operator, options, "filters.magnitude")[0]


def direction(image: np.ndarray, operator: str = "sobel", **options: Unpack[Options]) -> np.ndarray:
    """The direction of `gradient`."""
    return _polar("direction", image, operator, options, "filters.direction")[0]


def _operator(name: str, image: Any, axis: Any, options: Options) -> np.ndarray:
    if axis is None:
        return _polar("magnitude", image, name, options, f"filters.{name}")[0]
    picture = Picture.of(image, f"filters.{name}", **options)
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool) or axis not in (0, 1):
        raise ShapeError(mismatch(f"filters.{name}: axis", "0, 1 or None", repr(axis)))
    return _response(picture, OPERATORS[name].kernels[axis], OPERATORS[name].divisor)


def _polar(form: str, image: Any, name: Any, options: Options, who: str) -> tuple[np.ndarray, ...]:
    picture = Picture.of(image, who, **options)
    if name not in tuple(OPERATORS):
        raise ShapeError(mismatch(f"{who}: operator", f"one of {', '.join(OPERATORS)}", repr(name)))
    kernels, divisor = OPERATORS[name]
    scale = picture.unit / (divisor * sqrt(2)) if picture.convention == "scikit-image" else None
    responses = operations("filters").stencil(
        picture.values, kernels, form, picture.real, scale, picture.border
    )
    return tuple(picture.shaped(response) for response in responses)


def _response(picture: Picture, kernel: Whole, divisor: int) -> np.ndarray:
    """The signed response of one kernel."""
    scale = picture.unit / divisor if picture.convention == "scikit-image" else None
    stencil = operations("filters").stencil
    (response,) = stencil(picture.values, (kernel,), "sum", picture.signed, scale, picture.border)
    return picture.shaped(response)

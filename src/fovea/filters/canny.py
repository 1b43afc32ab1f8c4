"""Canny's edge detector: lines one pixel wide where brightness changes most, as in scikit-image's `canny`."""

from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.filters.picture import Picture, grey
from fovea.filters.weights import MOST_SIGMA, gaussian, gaussian_radius
from fovea.functional import operations
from fovea.geometry.borders import Border
from fovea.ranges import number

LOW, HIGH = 0.1, 0.2  # shares of white


def canny(
    image: np.ndarray,
    sigma: float = 1.0,
    low: float | None = None,
    high: float | None = None,
    *,
    mode: str = "constant",
    cval: float = 0.0,
) -> np.ndarray:
    """Edges as bool (H, W).

    The picture is smoothed by a Gaussian of `sigma` pixels. Sobel's gradient is kept where it is a maximum
    along its own direction. Pixels of at least `high` are edges, and so are pixels of at least `low` that are
    connected to one. Thresholds are gradients in the picture's own numbers, by default 10% and 20% of white
    (1 for floating-point pictures); the gradient is Sobel's without division, 4 times the difference between
    the two neighbours of a pixel. A colour picture is converted to its luma (`grey`). `mode` defines the
    pixels beyond the border for the smoothing; with "constant", the smoothing weights outside the picture are
    left out. The outermost pixels are never edges.
    """
    values = grey(image)
    picture = Picture.of(values, "filters.canny", mode=mode, cval=cval)
    width = _number(sigma, "sigma", "a number", MOST_SIGMA)
    white = float(np.iinfo(values.dtype).max) if values.dtype.kind == "u" else 1.0
    weak = LOW if low is None else _number(low, "low", "a threshold") / white
    strong = HIGH if high is None else _number(high, "high", "a threshold") / white
    if strong < weak:
        got = f"low={weak * white:g}, high={strong * white:g}"
        raise ShapeError(mismatch("filters.canny", "low to be at most high", got, "name both thresholds"))
    if min(values.shape) < 3:
        return np.zeros(values.shape, bool)
    if picture.values.dtype.kind != values.dtype.kind:  # a fractional `cval`: compute in float64, exactly
        values, white = values * (1 / white), 1.0
    result = np.dtype(np.float32 if values.dtype == np.float32 else np.float64)
    radius = gaussian_radius(width, "scikit-image", False)
    weights = gaussian(width, radius)[: radius + 1]
    shares, which = _shares(values.shape, weights, result, picture.border)
    engine = operations("canny")
    smoothed = engine.smooth(values, weights, shares, which, 1 / white, result.name, picture.border)
    return operations("hysteresis").linked(engine.thin(smoothed, weak, strong))


def _shares(
    shape: tuple[int, ...], weights: np.ndarray, dtype: np.dtype, border: Border
) -> tuple[np.ndarray, np.ndarray]:
    """A smoothed picture of ones: its distinct rows (n, W), and the number of each row's (H,). They are ones
    unless the border is constant."""
    H, W = shape
    if border.mode != "constant":
        return np.ones((1, W), dtype), np.zeros(H, np.intp)
    down, which = np.unique(_smoothed(np.ones(H, dtype), weights, border.value), return_inverse=True)
    rows = [_smoothed(np.full(W, share, dtype), weights, border.value) for share in down]
    return np.stack(rows) + np.finfo(dtype).eps, which


def _smoothed(line: np.ndarray, weights: np.ndarray, beyond: float) -> np.ndarray:
    """A line, padded with the constant `beyond`, smoothed in the order of reference/canny.py."""
    r, n = len(weights) - 1, len(line)
    padded = np.pad(line.astype(np.float64), r, constant_values=beyond)
    total = padded[r : r + n] * weights[r]
    for i in range(r):
        total = total + (padded[i : i + n] + padded[2 * r - i : 2 * r - i + n]) * weights[i]
    return total.astype(line.dtype)


def _number(value: Any, name: str, what: str, most: float = np.inf) -> float:
    expected = f"{what} from 0" + (f" to {most:g}" if np.isfinite(most) else " up")
    return number(value, f"filters.canny: {name}", expected, 0, most)

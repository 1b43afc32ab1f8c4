"""The two passes of Canny's edge detector; the pipelines are in pipelines/canny.py."""

import ctypes

import numpy as np

from fovea.geometry.borders import Border
from fovea.kernels import buffers
from fovea.kernels.filters import REAL, run_filter


def smooth(
    image: np.ndarray, weights: np.ndarray, shares: np.ndarray, which: np.ndarray, unit: float, result: str,
    border: Border,
) -> np.ndarray:  # fmt: skip
    """As `fovea.reference.canny.smooth`."""
    size = 2 * len(weights) - 1
    more = {"weights": weights, "shares": shares, "which": buffers.copy(which, np.int32)}
    more |= {"unit": ctypes.c_double(unit)}
    (out,) = run_filter(
        "canny.smooth", image[:, :, np.newaxis], (size, size), border, more, result, ("out",),
        dtype=image.dtype.name, result=result,
    )  # fmt: skip
    return out[:, :, 0]


def thin(smoothed: np.ndarray, low: float, high: float) -> np.ndarray:
    """As `fovea.reference.canny.thin`."""
    dtype = smoothed.dtype.name
    thresholds, border = {"low": REAL[dtype](low), "high": REAL[dtype](high)}, Border("reflect")
    (out,) = run_filter(
        "canny.thin", smoothed[:, :, np.newaxis], (3, 3), border, thresholds, "uint8", ("out",), dtype=dtype
    )  # fmt: skip
    return out[:, :, 0]

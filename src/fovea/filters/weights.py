"""The filters' weights, each with its source, for cross-correlation: the top left weight multiplies the top
left pixel.

OpenCV's documentation prints them like this. scikit-image's prints them for convolution, which flips them,
and so with the opposite sign.
"""

from typing import NamedTuple, TypeAlias

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.filters.picture import checked_convention

Whole: TypeAlias = tuple[tuple[int, ...], ...]

SMOOTH_PREWITT = 1, 1, 1  # Prewitt: Object enhancement and extraction (1970)
SMOOTH_SOBEL = 1, 2, 1  # Sobel and Feldman: A 3×3 isotropic gradient operator for image processing (1968)
SMOOTH_SCHARR = 3, 10, 3  # Scharr: Optimale Operatoren in der digitalen Bildverarbeitung (2000)
EDGE = -1, 0, 1


def _outer(down: tuple[int, ...], along: tuple[int, ...]) -> Whole:
    return tuple(tuple(a * b for b in along) for a in down)


class Operator(NamedTuple):
    """Two kernels whose responses are a gradient; scikit-image divides them by `divisor`."""

    kernels: tuple[Whole, Whole]  # axis 0: responds to horizontal edges; axis 1: to vertical ones
    divisor: int


def _gradient(smooth: tuple[int, ...]) -> Operator:
    return Operator((_outer(EDGE, smooth), _outer(smooth, EDGE)), sum(smooth))


OPERATORS = {
    "prewitt": _gradient(SMOOTH_PREWITT),
    "sobel": _gradient(SMOOTH_SOBEL),
    "scharr": _gradient(SMOOTH_SCHARR),
    # Roberts: Machine perception of three-dimensional solids (1963). 2×2 filters, padded to have a middle.
    "roberts": Operator((((0, 0, 0), (0, -1, 0), (0, 0, 1)), ((0, 0, 0), (0, 0, -1), (0, 1, 0))), 1),
}

# The two edge detectors of every course: positive where the upper or left side is brighter.
HORIZONTAL: Whole = ((1, 1, 1), (0, 0, 0), (-1, -1, -1))
VERTICAL: Whole = ((1, 0, -1), (1, 0, -1), (1, 0, -1))

# ∂²/∂x² + ∂²/∂y² in differences, with OpenCV's sign; scikit-image's is the opposite.
LAPLACIAN: Whole = ((0, 1, 0), (1, -4, 1), (0, 1, 0))

SHARPEN: Whole = ((0, -1, 0), (-1, 5, -1), (0, -1, 0))  # the picture minus its Laplacian
EMBOSS: Whole = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))  # the picture plus its slope from the top left

TRUNCATE = 4.0  # standard deviations at which scipy.ndimage, and so scikit-image, truncates a Gaussian
MOST_SIGMA, MOST_SIZE = 1000.0, 9999  # larger windows are wider than pictures


def gaussian(sigma: float, radius: int) -> np.ndarray:
    """2 · radius + 1 weights, exp(−x² / 2σ²) divided by their sum; one weight of 1 for σ = 0."""
    if radius == 0 or sigma == 0:
        return np.ones(1)
    weights = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return weights / weights.sum()


def gaussian_radius(sigma: float, convention: str, eight_bit: bool) -> int:
    """The radius at which each convention truncates a Gaussian; OpenCV's is smaller for 8 bits."""
    if convention == "scikit-image":
        return int(TRUNCATE * sigma + 0.5)
    return (round(sigma * (3 if eight_bit else 4) * 2 + 1) | 1) // 2 if sigma > 0 else 0


def in_fixed_point(weights: np.ndarray, bits: int) -> np.ndarray:
    """Weights rounded to multiples of 2⁻ᵇⁱᵗˢ as in OpenCV, as uint32 with the sum 2ᵇⁱᵗˢ.

    From the outside inwards, symmetrically, each weight inherits the rounding error of the one before; the
    middle gets the remainder.
    """
    middle, error = len(weights) // 2, 0.0
    whole = np.zeros(len(weights), np.int64)
    for i in range(middle):
        exact = weights[i] * 2.0**bits + error
        whole[i] = whole[-1 - i] = round(exact)
        error = exact - whole[i]
    whole[middle] = 2**bits - whole.sum()
    return whole.astype(np.uint32)


# Filters by name


def names() -> tuple[str, ...]:
    """The names of filters for `weights`."""
    return tuple(_TABLE)


def weights(name: str, convention: str = "scikit-image") -> np.ndarray:
    """The weights (f_H, f_W), float64, of the filter called `name`, for pictures from 0 to 1.

    "vertical" "horizontal" "laplacian" "sharpen" "emboss" "gaussian" (σ = 1) "box" (3×3), and "vertical" and
    "horizontal" after "prewitt-", "sobel-", "scharr-"; "roberts-falling" and "roberts-rising" for the two
    diagonals. Scale and sign are those of `convention`, "scikit-image" or "opencv".

    >>> from fovea import filters
    >>> filters.weights("sobel-vertical", "opencv")
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    """
    checked_convention(convention, "filters.weights")
    if name not in _TABLE:
        raise ShapeError(mismatch("filters.weights", f"one of {', '.join(_TABLE)}", repr(name)))
    kernel, divisor = _TABLE[name]
    if name in ("gaussian", "box"):
        line = (
            gaussian(1.0, gaussian_radius(1.0, convention, False))
            if name == "gaussian"
            else np.full(3, 1 / 3)
        )
        return np.outer(line, line)
    return (
        np.array(kernel, np.float64) / (divisor if convention == "scikit-image" else 1) + 0.0
    )  # −0 becomes 0


_TABLE: dict[str, tuple[Whole, int]] = {
    "vertical": (VERTICAL, 1),
    "horizontal": (HORIZONTAL, 1),
    **{
        f"{name}-{way}": (operator.kernels[axis], operator.divisor)
        for name, operator in OPERATORS.items()
        for axis, way in enumerate(("falling", "rising") if name == "roberts" else ("horizontal", "vertical"))
    },
    "laplacian": (LAPLACIAN, -1),
    "gaussian": ((), 1),
    "sharpen": (SHARPEN, 1),
    "emboss": (EMBOSS, 1),
    "box": ((), 1),
}

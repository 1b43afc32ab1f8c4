"""The two passes of Canny's edge detector on a grey picture (H, W).

    smooth    S = (image ∗ Gaussian) / (share of the Gaussian inside the picture)                        (1)
    thin      g_y, g_x = Sobel filters of S;  m = √(g_y² + g_x²)                                         (2)
              an edge where m ≥ low, and m ≥ the strengths one step up and down the gradient             (3)

The strength one step away is interpolated between two neighbours, straight and diagonal: diagonal · w +
straight · (1 − w), where w is the smaller of |g_y|, |g_x| divided by the larger. The last bit decides between
equal neighbours of a ridge. So sums are float64, in the order in which scipy.ndimage adds, and each pass is
stored as type `result`, as in scikit-image.

Canny: A computational approach to edge detection (1986).
"""

from collections.abc import Callable

import numpy as np

from fovea.geometry.borders import Border, framed
from fovea.reference.quiet import quietly


@quietly
def smooth(
    image: np.ndarray, weights: np.ndarray, shares: np.ndarray, which: np.ndarray, unit: float, result: str,
    border: Border,
) -> np.ndarray:  # fmt: skip
    """(1): S (H, W) in `result`, "float32" or "float64".

    weights: float64 (r + 1,), from the outside of the Gaussian to its centre. shares (n, W): row which[h],
    which (H,), belongs to row h of the picture. unit: the value of 1 in the image.
    """
    (H, W), r, dtype = image.shape, len(weights) - 1, np.dtype(result)
    extended = framed(image[:, :, np.newaxis], (2 * r + 1, 2 * r + 1), border)[:, :, 0]
    extended = (extended.astype(np.float64) * unit).astype(dtype).astype(np.float64)
    columns = _weighted(lambda a: extended[a : a + H], weights).astype(dtype).astype(np.float64)
    return _weighted(lambda b: columns[:, b : b + W], weights).astype(dtype) / shares[which]


@quietly
def thin(smoothed: np.ndarray, low: float, high: float) -> np.ndarray:
    """(2), (3): uint8 (H, W), 0 where there is no edge, 1 where m ≥ low, 2 where m ≥ high too."""
    dtype, (H, W) = smoothed.dtype, smoothed.shape
    extended = framed(smoothed[:, :, np.newaxis], (3, 3), Border("reflect"))[:, :, 0].astype(np.float64)
    down = (extended[2:] - extended[:-2]).astype(dtype).astype(np.float64)
    along = (extended[:, 2:] - extended[:, :-2]).astype(dtype).astype(np.float64)
    ends = np.array([1.0, 2.0])
    g_y = _weighted(lambda b: down[:, b : b + W], ends).astype(dtype)  # (2)
    g_x = _weighted(lambda a: along[a : a + H], ends).astype(dtype)
    m = np.sqrt(g_y * g_y + g_x * g_x)

    steep, falling = np.abs(g_y) > np.abs(g_x), (g_y >= 0) & (g_x >= 0) | (g_y <= 0) & (g_x <= 0)
    larger, smaller = np.maximum(np.abs(g_y), np.abs(g_x)), np.minimum(np.abs(g_y), np.abs(g_x))
    w = smaller / np.where(larger > 0, larger, dtype.type(1))
    edge = (m >= dtype.type(low)) & (m > 0)
    edge[[0, -1]] = edge[:, [0, -1]] = False
    framed_m = np.pad(m, 1)

    def neighbour(dy: int, dx: int) -> np.ndarray:
        return framed_m[1 + dy : 1 + dy + H, 1 + dx : 1 + dx + W]

    for sign in (1, -1):
        straight = np.where(
            steep, neighbour(sign, 0), np.where(falling, neighbour(0, sign), neighbour(0, -sign))
        )
        diagonal = np.where(falling, neighbour(sign, sign), neighbour(sign, -sign))
        edge &= (diagonal * w).astype(np.float64) + straight * (1 - w.astype(np.float64)) <= m  # (3)
    return np.where(edge, np.where(m >= dtype.type(high), 2, 1), 0).astype(np.uint8)


def _weighted(shifted: Callable[[int], np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The weighted sum over a symmetric window with centre weights[-1]: the centre, then pairs from the
    outside inwards."""
    r = len(weights) - 1
    total = shifted(r) * weights[r]
    for i in range(r):
        total = total + (shifted(i) + shifted(2 * r - i)) * weights[i]
    return total

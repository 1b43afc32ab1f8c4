"""Boxes from the outputs of a detector: one for each point of a grid.

The outputs, Z["classes"] (N, H/s, W/s, C) and Z["boxes"] (N, H/s, W/s, 4), have a row for each point of a
grid of stride s. Point (r, c) is at

    p = (x, y) = ((c + ½)·s, (r + ½)·s)                                                                   (1)

Scores are the sigmoids of the classes' logits. The other four numbers give the distances from the point to
the edges of its box, left, top, right and bottom:

    d_k = s · exp(z_k), z_k from −3 to ln(max(H, W)/s)                                                    (2)
    box = (x − d_l, y − d_t, x + d_r, y + d_b)                                                            (3)

exp makes the loss of a box independent of its scale. The class with the highest score is a point's class; in
ties, the first. Points are as in FCOS: Tian, Shen, Chen, He (2019), arXiv:1904.01355.
"""

from collections.abc import Mapping
from functools import cache
from math import log

import numpy as np

CLASSES, BOXES = "classes", "boxes"  # the names of the outputs
STRIDE = 8  # s, pixels between points
LEAST = -3.0  # of z_k

Outputs = Mapping[str, np.ndarray]


@cache
def points(height: int, width: int) -> np.ndarray:
    """(1) for a grid of `height` rows: float32 (height · width, 2), x and y in pixels."""
    rows, columns = np.divmod(np.arange(height * width), width)
    return (np.stack([columns, rows], axis=1).astype(np.float32) + np.float32(0.5)) * STRIDE


def grid(Z: Outputs) -> tuple[int, int]:
    """Its rows and columns."""
    _, rows, columns, _ = Z[BOXES].shape
    return rows, columns


def bounds(Z: Outputs) -> tuple[float, float]:
    """The range of z_k in (2)."""
    return LEAST, log(max(grid(Z)))


def distances(Z: Outputs) -> np.ndarray:
    """(2): (N, points, 4)."""
    return STRIDE * np.exp(flat(Z[BOXES]).clip(*bounds(Z)))


def corners(Z: Outputs) -> np.ndarray:
    """(3): (N, points, 4), x0, y0, x1, y1 in pixels of the network's input."""
    d, p = distances(Z), points(*grid(Z))
    return np.concatenate([p - d[..., :2], p + d[..., 2:]], axis=-1)


def flat(A: np.ndarray) -> np.ndarray:
    """An output with its points along one axis: (N, points, …)."""
    return A.reshape(len(A), -1, A.shape[-1])


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−z)), without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)

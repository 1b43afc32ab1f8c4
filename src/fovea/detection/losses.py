"""The loss of a detector: binary cross-entropy of the scores, and GIoU of the boxes of positive points.

With the scores q that the assignment wants, the logits z and p = σ(z), S = max(Σ q, 1):

    L_c = (1/S) Σ (ln(1 + e^z) − q z)                 ∂L_c/∂z = (p − q) / S                               (1)

For a positive point with distances l, t, r, b to the edges of its box, and L, T, R, B to the object's:

    I = w_I h_I,   w_I = min(l, L) + min(r, R),   h_I = min(t, T) + min(b, B)
    K = w_K h_K,   w_K = max(l, L) + max(r, R),   h_K = max(t, T) + max(b, B)
    U = (l + r)(t + b) + (L + R)(T + B) − I
    L_b = 1 − GIoU = 2 − I/U − U/K                                                                        (2)

and its derivative by l, and likewise by r; by t and b with widths instead of heights:

    I' = [l < L] h_I    K' = [l ≥ L] h_K    U' = (t + b) − I'
    ∂L_b/∂l = −(I' U − I U') / U² − (U' K − U K') / K²,    ∂L_b/∂z_l = l · ∂L_b/∂l                        (3)

    L = L_c + λ · (1/S) Σ q L_b over the positive points                                                  (4)

where z_l is limited, its derivative is 0. The boxes' share is weighted by q, as good points matter most.

Rezatofighi and others: Generalized intersection over union (2019), arXiv:1902.09630; soft scores and (4) as
in Feng and others: TOOD (2021), arXiv:2108.07755.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fovea.detection.assignment import Objects, Positives, assign
from fovea.detection.boxes import Boxes
from fovea.detection.decoding import (
    BOXES,
    CLASSES,
    Outputs,
    bounds,
    corners,
    distances,
    flat,
    grid,
    points,
    sigmoid,
)  # fmt: skip
from fovea.errors import ShapeError, mismatch
from fovea.losses import Loss

WEIGHT = 2.0  # λ
NEAREST = 1.0  # pixels: at least this distance, for points outside of their small object's box


class DetectionLoss(Loss):
    """(4) of the outputs of a detector for N pictures, as in decoding.py, and their `Boxes`, None for a
    picture that does not count; with `weights`, a number for each class, its terms of (1) are multiplied by
    that."""

    def __init__(self, weights: Sequence[float] | np.ndarray | None = None) -> None:
        self.weights = None if weights is None else np.asarray(weights, np.float32)

    def __call__(self, Z: Outputs, targets: Sequence[Boxes | None]) -> tuple[float, dict[str, np.ndarray]]:
        dZ = {name: np.zeros_like(A) for name, A in Z.items()}
        z, kind = flat(Z[CLASSES]), Z[CLASSES].dtype.type
        p, objects = sigmoid(z), joined(targets)
        positives = assign(p, corners(Z), objects, grid(Z))
        at = positives.pictures, positives.points
        q = np.zeros_like(p)
        q[(*at, objects.classes[positives.objects])] = positives.scores
        S = kind(max(positives.scores.sum(dtype=np.float64), 1.0))

        weights = np.array([boxes is not None for boxes in targets], kind)[:, None, None] / S
        weights = weights if self.weights is None else weights * self.weights
        loss = (binary_cross_entropy(z, q) * weights).sum(dtype=np.float64)
        flat(dZ[CLASSES])[...] = (p - q) * weights  # (1)
        if len(positives.scores):
            values, gradients = self._boxes(Z, objects, positives)
            share = positives.scores * (kind(WEIGHT) / S)
            loss += (share * values).sum(dtype=np.float64)  # (4)
            flat(dZ[BOXES])[at] = share[:, None] * gradients
        return float(loss), dZ

    @staticmethod
    def _boxes(Z: Outputs, objects: Objects, positives: Positives) -> tuple[np.ndarray, np.ndarray]:
        """L_b of each positive point, and its gradient by its four outputs."""
        at = positives.pictures, positives.points
        p, b = points(*grid(Z))[positives.points], objects.boxes[positives.objects]
        wanted = np.maximum(np.concatenate([p - b[:, :2], b[:, 2:] - p], axis=1), NEAREST)
        d, z, (least, most) = distances(Z)[at], flat(Z[BOXES])[at], bounds(Z)
        values, gradients = giou_loss(d, wanted)
        return values, np.where((z > least) & (z < most), d * gradients, 0)  # (3)

    def check(self, shape: Any) -> None:
        if not isinstance(shape, dict) or set(shape) != {CLASSES, BOXES}:
            raise ShapeError(mismatch("loss: detection", f"the outputs {CLASSES} and {BOXES}", shape))
        (*rows, classes), (*others, sides) = shape[CLASSES], shape[BOXES]
        if rows != others or len(rows) != 2 or sides != 4:
            expected = "classes (rows, columns, C) and boxes (rows, columns, 4)"
            raise ShapeError(mismatch("loss: detection", expected, shape))
        if self.weights is not None and len(self.weights) != classes:
            raise ShapeError(
                mismatch("loss: weights", f"one for each of {classes} classes", len(self.weights))
            )

    def counted(self, targets: Sequence[Boxes | None]) -> int:
        return sum(boxes is not None for boxes in targets)


def joined(targets: Sequence[Boxes | None]) -> Objects:
    """The objects of a batch to learn from: all boxes but crowds."""
    kept = [Boxes.none() if boxes is None else boxes[~boxes.crowd] for boxes in targets]
    owner = np.repeat(np.arange(len(kept)), [len(boxes) for boxes in kept])
    return Objects(
        np.concatenate([boxes.corners for boxes in kept]), np.concatenate([b.classes for b in kept]), owner
    )


def binary_cross_entropy(z: np.ndarray, q: np.ndarray) -> np.ndarray:
    """ln(1 + e^z) − q z of each element, without overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - q * z


def giou_loss(d: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2) of distances `d` (n, 4), left, top, right, bottom, all above 0, for the `wanted` ones: (n,); and
    its gradient by d: (n, 4)."""
    less, more = np.minimum(d, wanted), np.maximum(d, wanted)
    sides, inner, outer = (_sides(x) for x in (d, less, more))  # width and height of each
    I, K = inner.prod(axis=1), outer.prod(axis=1)  # noqa: E741
    U = sides.prod(axis=1) + _sides(wanted).prod(axis=1) - I
    inside = d < wanted
    across = [1, 0, 1, 0]  # the heights for left and right, the widths for top and bottom
    dI, dK = inside * inner[:, across], ~inside * outer[:, across]
    dU = sides[:, across] - dI
    I, K, U = I[:, None], K[:, None], U[:, None]  # noqa: E741
    gradient = -(dI * U - I * dU) / U**2 - (dU * K - U * dK) / K**2  # (3)
    return (2 - I / U - U / K)[:, 0], gradient


def _sides(d: np.ndarray) -> np.ndarray:
    return d[:, :2] + d[:, 2:]

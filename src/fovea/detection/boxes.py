"""Boxes around objects, and the overlap of two boxes.

A box is x0, y0, x1, y1 in pixels of the picture as people see it. These are edges, not centres of pixels: all
of a picture (H, W) is 0, 0, W, H, and a box's width is x1 − x0.

    I(a, b) = max(min(a.x1, b.x1) − max(a.x0, b.x0), 0) · max(min(a.y1, b.y1) − max(a.y0, b.y0), 0)     (1)
    IoU(a, b) = I / (area(a) + area(b) − I)                                                             (2)
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from fovea.errors import ShapeError, mismatch

_NONE = np.zeros(0, bool)  # by default, no box is difficult or a crowd


@dataclass(frozen=True)
class Boxes:
    """The boxes of one picture.

    corners: float32 (n, 4), x0, y0, x1, y1 of each. classes: int32 (n,), positions in the data's classes.
    difficult: bool (n,), boxes that are learned from, but count in measuring neither as found nor as missed.
    crowd: bool (n,), regions with many objects: never learned from, and in measuring any number of
    predictions inside them is neither right nor wrong. Raises ShapeError for arrays of other lengths.
    """

    corners: np.ndarray
    classes: np.ndarray
    difficult: np.ndarray = field(default_factory=lambda: _NONE)
    crowd: np.ndarray = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        corners = np.asarray(self.corners, np.float32).reshape(-1, 4)
        n = len(corners)
        kinds = {"classes": np.int32, "difficult": bool, "crowd": bool}
        arrays = {name: getattr(self, name) for name in kinds}
        arrays = {name: np.zeros(n) if array is _NONE else array for name, array in arrays.items()}
        for name, kind in kinds.items():
            array = np.asarray(arrays[name]).astype(kind)
            if array.shape != (n,):
                raise ShapeError(mismatch(f"boxes: {name}", f"one for each of {n} boxes", array.shape))
            object.__setattr__(self, name, array)
        object.__setattr__(self, "corners", corners)

    @classmethod
    def none(cls) -> Self:
        """No boxes."""
        return cls(np.zeros((0, 4)), np.zeros(0))

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, chosen: np.ndarray | slice) -> Self:
        """The boxes at some indices, or where a mask is True."""
        return type(self)(
            self.corners[chosen], self.classes[chosen], self.difficult[chosen], self.crowd[chosen]
        )

    @property
    def sides(self) -> np.ndarray:
        """Width and height of each: (n, 2)."""
        return self.corners[:, 2:] - self.corners[:, :2]


def area(boxes: np.ndarray) -> np.ndarray:
    """The areas of boxes (…, 4); 0 for one whose edges are reversed."""
    x0, y0, x1, y1 = np.moveaxis(boxes, -1, 0)
    return np.maximum(x1 - x0, 0) * np.maximum(y1 - y0, 0)


def intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(1) of boxes (…, 4), which are broadcast."""
    # By column: NumPy's loops over an axis of two or four take ten times as long.
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    width = np.minimum(ax1, bx1) - np.maximum(ax0, bx0)
    height = np.minimum(ay1, by1) - np.maximum(ay0, by0)
    return np.maximum(width, 0) * np.maximum(height, 0)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(2) of every pair: boxes (n, 4) and (m, 4) to (n, m), from 0 to 1; 0 where both have no area."""
    shared = intersection(a[:, None], b[None])
    whole = area(a)[:, None] + area(b)[None] - shared
    share = np.zeros(shared.shape, np.result_type(shared, np.float32))  # pixels may be whole numbers
    return np.divide(shared, whole, out=share, where=whole > 0)


def clipped(boxes: np.ndarray, height: float, width: float) -> np.ndarray:
    """Boxes (n, 4), cut at the edges of a picture of that size."""
    return boxes.clip(0, [width, height, width, height]).astype(boxes.dtype)

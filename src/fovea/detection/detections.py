"""Detections: the boxes that a detector found in one picture, with their classes and scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from fovea.errors import ShapeError, mismatch


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes found in one picture, by decreasing score; equal scores keep their order.

    corners: float32 (n, 4), x0, y0, x1, y1 as in `Boxes`. scores: float32 (n,), from 0 to 1. classes: int32
    (n,), positions in the list of classes. Raises ShapeError for arrays of other lengths.
    """

    corners: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __post_init__(self) -> None:
        corners = np.asarray(self.corners, np.float32).reshape(-1, 4)
        scores, classes = np.asarray(self.scores, np.float32), np.asarray(self.classes).astype(np.int32)
        for name, array in (("scores", scores), ("classes", classes)):
            if array.shape != (len(corners),):
                expected = f"one for each of {len(corners)} boxes"
                raise ShapeError(mismatch(f"detections: {name}", expected, array.shape))
        if (scores[1:] > scores[:-1]).any():
            order = np.argsort(-scores, kind="stable")
            corners, scores, classes = corners[order], scores[order], classes[order]
        object.__setattr__(self, "corners", corners)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "classes", classes)

    @classmethod
    def none(cls) -> Self:
        """No detections."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The detections of several parts of a picture; equal scores in the order of the parts."""
        if not parts:
            return cls.none()
        corners, scores, classes = zip(*((p.corners, p.scores, p.classes) for p in parts), strict=True)
        return cls(np.concatenate(corners), np.concatenate(scores), np.concatenate(classes))

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, chosen: np.ndarray | slice) -> Self:
        """The detections at some indices, or where a mask is True."""
        return type(self)(self.corners[chosen], self.scores[chosen], self.classes[chosen])

    def above(self, threshold: float) -> Self:
        """The detections with a score of at least `threshold`."""
        return self[: int((self.scores >= threshold).sum())]

    def moved(self, x: float, y: float) -> Self:
        """The same detections, shifted by x to the right and y down."""
        return type(self)(self.corners + np.array([x, y, x, y], np.float32), self.scores, self.classes)

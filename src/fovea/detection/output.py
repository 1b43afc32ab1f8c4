"""Detections for other programs and people: JSON entries, CSV rows, YOLO's lines, and cut out of the picture.

Numbers have the fewest digits that identify them, so detections read back are the same: rounded scores would
tie, and change an evaluation.
"""

from collections.abc import Sequence
from math import ceil, floor

import numpy as np

from fovea.detection.detections import Detections

COLUMNS = ("file", "class", "score", "x0", "y0", "x1", "y1")


def entries(found: Detections, classes: Sequence[str]) -> list[dict]:
    """{"class", "score", "box"} of each, in JSON's types; a box is [x0, y0, x1, y1] in pixels."""
    boxes = [[_short(edge) for edge in box] for box in found.corners]
    names = [classes[int(c)] for c in found.classes]
    scores = map(_short, found.scores)
    return [
        {"class": name, "score": score, "box": box}
        for name, score, box in zip(names, scores, boxes, strict=True)
    ]


def rows(file: str, found: Detections, classes: Sequence[str]) -> list[tuple]:
    """A row with COLUMNS for each; a picture without any has one row, with the file alone."""
    made = [(file, entry["class"], entry["score"], *entry["box"]) for entry in entries(found, classes)]
    return made or [(file, *[""] * (len(COLUMNS) - 1))]


def yolo_lines(found: Detections, height: int, width: int) -> str:
    """The content of YOLO's label file for a picture of that size. A line has the class's number, the x and y
    of the centre, the width and height, as shares of the picture, and the score."""
    x0, y0, x1, y1 = (found.corners.astype(np.float64) / [width, height, width, height]).T
    shares = np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], axis=1).tolist()
    lines = zip(found.classes.tolist(), shares, map(_short, found.scores), strict=True)
    return "".join(" ".join(map(repr, (c, *share, score))) + "\n" for c, share, score in lines)


def crops(picture: np.ndarray, found: Detections) -> list[np.ndarray]:
    """The part of the picture (H, W, C) in each box, in whole pixels, at least one."""
    height, width = picture.shape[:2]
    made = []
    for x0, y0, x1, y1 in found.corners.tolist():
        left, top = min(max(floor(x0), 0), width - 1), min(max(floor(y0), 0), height - 1)
        right, bottom = max(min(ceil(x1), width), left + 1), max(min(ceil(y1), height), top + 1)
        made.append(picture[top:bottom, left:right])
    return made


def _short(value: np.float32) -> float:
    """The number with the fewest digits that is the same as float32."""
    return float(str(np.float32(value)))

"""Non-maximum suppression: from many overlapping boxes per object to one.

A detector finds an object from several neighbouring points. Of two boxes of a class that overlap too much,
only the one with the higher score remains. By decreasing score, box i is

    kept unless IoU(i, j) > τ for a kept box j of its class with a higher score                         (1)

Of equal scores, the first counts as higher. There is no limit of time, so results depend only on the boxes.
"""

import numpy as np

from fovea.detection.boxes import iou
from fovea.detection.detections import Detections

LEAST = 0.001  # score: lower ones change no measure by more than rounding
BEFORE = 300  # boxes before suppression
OVERLAP = 0.6  # τ
MOST = 100  # boxes after suppression


def best(corners: np.ndarray, scores: np.ndarray, least: float = LEAST, most: int = BEFORE) -> Detections:
    """The `most` best pairs of box and class with scores > `least`.

    corners: (n, 4). scores: float32 (n, classes); a box can occur with several classes. Equal scores are in
    the order of boxes, then of classes.
    """
    flat = scores.ravel()
    chosen = np.flatnonzero(flat > least)
    if len(chosen) > most:
        last = np.partition(flat[chosen], -most)[-most]
        chosen = chosen[flat[chosen] >= last]
    box, kind = np.unravel_index(chosen, scores.shape)
    return Detections(corners[box], flat[chosen], kind)[:most]


def suppress(
    found: Detections, overlap: float = OVERLAP, most: int = MOST, before: int = BEFORE
) -> Detections:
    """(1) with τ = `overlap`, of the first `before`; at most `most` are kept."""
    found = found[:before]
    same = found.classes[:, None] == found.classes
    rivals = (iou(found.corners, found.corners) > overlap) & same
    keep = np.ones(len(found), bool)
    for i in np.flatnonzero(rivals.sum(axis=1) > 1):  # all but i itself
        if keep[i]:
            keep[i + 1 :] &= ~rivals[i, i + 1 :]  # (1)
    return found[np.flatnonzero(keep)[:most]]

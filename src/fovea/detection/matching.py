"""COCO's matching of detections with true boxes, on which all measures rest.

The overlap of a detection d with a true box g of its class is

    o(d, g) = IoU(d, g), or I(d, g) / area(d) if g is a crowd                                           (1)

In a picture, detections choose by decreasing score. For an IoU threshold t, d takes

    the g with the largest o(d, g) ≥ t among the free ones that count; without any, among the ignored   (2)

A box that is taken is no longer free, except crowds; of equal overlaps, the last wins. For a range of areas,

    g is ignored if it is difficult, a crowd, or its area is not in the range                           (3)
    d is ignored if its g is, or if it has none and its own area is not in the range                    (4)

What is ignored counts neither as right nor as wrong. Source: pycocotools, cocoeval.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea.detection.boxes import Boxes, area, intersection, iou
from fovea.detection.detections import Detections

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # t
RANGES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}  # pixels²
MOST = 100  # detections per class and picture


@dataclass(frozen=True, eq=False)
class Matches:
    """The n detections of a data set and what they match, picture by picture, by decreasing score in each.

    picture, place: int (n,), the picture of each and its place among the picture's detections. scores:
    float32 (n,). classes: int32 (n,). truth: int32 (areas, thresholds, n), the place of the matched box among
    the picture's boxes, −1 without any. ignored: bool, of the same shape. boxes: int (areas, classes), the
    number of true boxes that count.
    """

    picture: np.ndarray
    place: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    truth: np.ndarray
    ignored: np.ndarray
    boxes: np.ndarray

    def of_class(self, number: int) -> np.ndarray:
        """The indices of a class's detections by decreasing score; equal scores in the order of pictures."""
        chosen = np.flatnonzero(self.classes == number)
        return chosen[np.argsort(-self.scores[chosen], kind="stable")]


def match(truth: Sequence[Boxes], found: Sequence[Detections], classes: int, most: int = MOST) -> Matches:
    """Match the detections `found` in each picture with its true boxes, for every range of areas and every
    threshold at once. Of each class, the `most` best detections of a picture take part."""
    boxes = np.zeros((len(RANGES), classes), np.int64)
    parts = []
    for number, (true, all_found) in enumerate(zip(truth, found, strict=True)):
        place = np.flatnonzero(_rank_in_class(all_found.classes) < most)
        chosen = all_found[place]
        ignored = _outside(area(true.corners.astype(np.float64))) | true.difficult | true.crowd  # (3)
        for counted, row in zip(boxes, ~ignored, strict=True):
            counted += np.bincount(true.classes[row], minlength=classes)
        taken, off = _match_picture(true, chosen, ignored)
        parts.append((np.full(len(place), number), place, chosen.scores, chosen.classes, taken, off))
    if not parts:
        return match([Boxes.none()], [Detections.none()], classes)
    joined = [np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)]
    return Matches(*joined, boxes=boxes)


def overlaps(found: np.ndarray, true: Boxes) -> np.ndarray:
    """(1) of detections (n, 4) with all true boxes, of any class: float64 (n, boxes)."""
    d, g = found.astype(np.float64), true.corners.astype(np.float64)
    o = iou(d, g)
    if true.crowd.any():
        shared = intersection(d[:, None], g[None, true.crowd])
        own = area(d)[:, None]
        o[:, true.crowd] = np.divide(shared, own, out=np.zeros_like(shared), where=own > 0)
    return o


def _match_picture(true: Boxes, found: Detections, ignored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box of each detection, and whether it is ignored: (areas, thresholds, n); `ignored` boxes: (areas,
    boxes)."""
    shape = (len(RANGES), len(THRESHOLDS), len(found))
    taken = np.full(shape, -1, np.int32)
    off = np.zeros(shape, bool)
    o = overlaps(found.corners, true)
    o[found.classes[:, None] != true.classes] = 0
    free = np.ones((*shape[:2], len(true)), bool)
    areas, thresholds = np.ogrid[: shape[0], : shape[1]]
    for d in np.flatnonzero((o >= THRESHOLDS[0]).any(axis=1)):
        near = np.flatnonzero(o[d] >= THRESHOLDS[0])[::-1]  # the last first, as argmax finds the first
        mine = o[d, near]
        possible = free[:, :, near] & (mine >= THRESHOLDS[:, None])
        # Ignored boxes rank below all others: o ≥ ½, so o − 1 ≤ 0 < o, exactly.
        rank = np.where(possible, mine - ignored[:, None, near], -1)
        g = near[rank.argmax(axis=2)]  # (2)
        matched = possible.any(axis=2)
        taken[:, :, d] = np.where(matched, g, -1)
        off[:, :, d] = matched & ignored[areas, g]  # (4)
        free[areas, thresholds, g] &= ~matched | true.crowd[g]
    off |= (taken < 0) & _outside(area(found.corners.astype(np.float64)))[:, None]  # (4)
    return taken, off


def _outside(areas: np.ndarray) -> np.ndarray:
    """For each range, which areas are not in it: (ranges, n)."""
    low, high = np.array(list(RANGES.values())).T[:, :, None]
    return (areas < low) | (areas > high)


def _rank_in_class(classes: np.ndarray) -> np.ndarray:
    """The number of earlier entries of the same class."""
    order = np.argsort(classes, kind="stable")
    _, first, inverse = np.unique(classes[order], return_index=True, return_inverse=True)
    rank = np.empty(len(classes), np.int64)
    rank[order] = np.arange(len(classes)) - first[inverse]
    return rank

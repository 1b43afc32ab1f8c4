"""Small objects in large pictures: detection in overlapping tiles, and one list of all that they find.

A network shrinks a picture to its own size, and small objects with it. In tiles they stay large. An object at
the edge of a tile is cut there, and whole in a neighbour if the overlap is larger than the object. So

    detections that are not cut are suppressed together, as in one picture                              (1)
    a cut one, c, is dropped if I(c, d) / area(c) > τ for a remaining d of its class                    (2)

where cut ones follow all others, by decreasing score. A detection is cut if it ends at an edge of its tile
that is not an edge of the picture.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from fovea.detection.boxes import area, intersection
from fovea.detection.detections import Detections
from fovea.detection.suppression import OVERLAP, suppress

SHARED = 0.25  # the least overlap of neighbours, as a share of a tile's side
EDGE = 0.02  # of a tile's side: a box that ends this close to an edge ends there
MOST = 300  # boxes in a picture of tiles


def tiles(height: int, width: int, size: tuple[int, int], shared: float = SHARED) -> np.ndarray:
    """The tiles of a picture, int (n, 4): x0, y0, x1, y1, row by row, evenly spread.

    size: (height, width) of a tile, or less where the picture is smaller. Neighbours share at least `shared`
    of their side.
    """
    starts = []
    for whole, side in ((height, size[0]), (width, size[1])):
        side = min(side, whole)
        count = 1 + ceil((whole - side) / max(side * (1 - shared), 1))
        starts.append(
            [(start, start + side) for start in np.linspace(0, whole - side, count).round().astype(int)]
        )
    down, along = starts
    return np.array([(x0, y0, x1, y1) for y0, y1 in down for x0, x1 in along])


def merge(
    parts: Sequence[Detections],
    places: np.ndarray,
    height: int,
    width: int,
    overlap: float = OVERLAP,
    most: int = MOST,
) -> Detections:
    """The detections of all tiles, one list in pixels of the picture (height, width).

    parts: those in each tile, in its pixels. places: the tiles (n, 4), of which one may be the whole picture,
    for large objects. overlap: τ.
    """
    cut = [_cut(found, place, height, width) for found, place in zip(parts, places, strict=True)]
    moved = [found.moved(float(x), float(y)) for found, (x, y, _, _) in zip(parts, places, strict=True)]
    whole = Detections.joined([found[~ends] for found, ends in zip(moved, cut, strict=True)])
    rest = Detections.joined([found[ends] for found, ends in zip(moved, cut, strict=True)])
    kept = suppress(whole, overlap, most, before=len(whole))  # (1)
    corners, classes = list(kept.corners), list(kept.classes)
    chosen = []
    for i in range(len(rest)):
        own, kind = rest.corners[i], rest.classes[i]
        rivals = np.array(corners).reshape(-1, 4)[np.array(classes, int) == kind]
        if not (intersection(own[None], rivals) > overlap * area(own)).any():  # (2)
            chosen.append(i)
            corners.append(own)
            classes.append(kind)
    return Detections.joined([kept, rest[np.array(chosen, int)]])[:most]


def _cut(found: Detections, place: np.ndarray, height: int, width: int) -> np.ndarray:
    """True for detections that end at an edge of their tile within the picture."""
    x0, y0, x1, y1 = place
    inner = np.array([x0 > 0, y0 > 0, x1 < width, y1 < height])
    near = EDGE * np.array([x1 - x0, y1 - y0] * 2)
    distance = np.abs(found.corners - np.array([0, 0, x1 - x0, y1 - y0]))
    return np.any((distance <= near) & inner, axis=1)

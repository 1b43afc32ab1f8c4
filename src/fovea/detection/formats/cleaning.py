"""Labels of one picture turned into boxes in pixels of the picture as people see it.

Every label that is faulty is recorded: dropped, with its corners swapped, or cut at the picture's edges.
Where EXIF turns a picture, some programs label it as it is stored and others as people see it. The size
stated in the label file decides; if it is missing or square, the boxes are taken to be in the picture as
people see it.
"""

from collections.abc import Callable, Mapping
from math import isfinite

import numpy as np

from fovea.detection.boxes import Boxes
from fovea.detection.formats.labels import CUT, DROPPED, KEPT, SWAPPED, BadLabel, Label, Sheet
from fovea.images import Header

LEAST = 0.99  # pixels of a side: 1, but for rounding
ROUNDING = 1.0  # pixels that a box may be beyond the picture without being recorded as cut
_DIGITS = 10  # of pixels that shares are multiplied to: beyond, there is nothing but rounding
Corners = tuple[float, float, float, float]


def is_stored(sheet: Sheet, header: Header) -> bool:
    """True if the labels are in the picture as it is stored, before EXIF turns it."""
    seen = header.height, header.width
    return header.sideways and sheet.size == seen[::-1] and sheet.size != seen


def cleaned(
    sheets: list[Sheet], header: Header, classes: Mapping[str, int], relative: bool, first: int
) -> tuple[Boxes, list[BadLabel]]:
    """The boxes of a picture, and the faulty labels. classes: name → the number of the class."""
    kept: dict[tuple[int, Corners], Label] = {}
    places: dict[Corners, Label] = {}
    bad: list[BadLabel] = []
    for sheet in sheets:
        stored = is_stored(sheet, header)
        for label in sheet.labels:

            def record(what: str, why: str, sheet: Sheet = sheet, label: Label = label) -> None:
                bad.append(BadLabel(sheet.file, label.line, what, why))

            if not label.name:
                record(DROPPED, "no class")
                continue
            box = _in_pixels(label.corners, header, relative, first, stored, record)
            if box is None:
                continue
            x0, y0, x1, y1 = (float(side) for side in np.array(box, np.float32))
            box = x0, y0, x1, y1
            if (classes[label.name], box) in kept:
                record(DROPPED, f"the same as label {kept[classes[label.name], box].line}")
                continue
            if box in places:
                other = places[box]
                record(KEPT, f"{label.name!r}, where label {other.line} has {other.name!r}")
            places.setdefault(box, label)
            kept[classes[label.name], box] = label
    labels = list(kept.values())
    numbers, corners = zip(*kept, strict=True) if kept else ((), ())
    hard, crowds = ([getattr(label, kind) for label in labels] for kind in ("difficult", "crowd"))
    return Boxes(np.array(corners, np.float32), np.array(numbers), np.array(hard), np.array(crowds)), bad


def _in_pixels(
    corners: Corners,
    header: Header,
    relative: bool,
    first: int,
    stored: bool,
    record: Callable[[str, str], None],
) -> Corners | None:
    """One box, cut at the edges; None, and a record, if nothing is left of it."""
    if not all(map(isfinite, corners)):
        record(DROPPED, f"not four finite numbers: {_text(corners)}")
        return None
    x0, y0, x1, y1 = corners
    if x0 == x1 or y0 == y1:
        record(DROPPED, f"no area: {_text(corners)}")
        return None
    if x0 > x1 or y0 > y1:
        record(SWAPPED, f"reversed: {_text(corners)}")
        x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    x0, y0 = x0 - first, y0 - first
    H, W = header.height, header.width
    if relative:
        x0, y0, x1, y1 = (
            round(share * side, _DIGITS) for share, side in zip((x0, y0, x1, y1), (W, H, W, H), strict=True)
        )
    if stored:
        x0, y0, x1, y1 = turned((x0, y0, x1, y1), W, H, header.orientation)
    cut = max(x0, 0.0), max(y0, 0.0), min(x1, float(W)), min(y1, float(H))
    if cut[0] >= cut[2] or cut[1] >= cut[3]:
        record(DROPPED, f"outside the picture of {W}×{H}: {_text(corners)}")
        return None
    if cut[2] - cut[0] < LEAST or cut[3] - cut[1] < LEAST:
        record(DROPPED, f"less than a pixel: {_text(corners)}")
        return None
    if max(-x0, -y0, x1 - W, y1 - H) > ROUNDING:
        record(CUT, f"beyond the picture of {W}×{H}: {_text(corners)}")
    return cut


def turned(box: Corners, width: int, height: int, orientation: int) -> Corners:
    """A box in a stored picture, in the same turned by an EXIF orientation from 5 to 8 to width × height."""
    x0, y0, x1, y1 = box[1], box[0], box[3], box[2]  # 5: mirrored in the diagonal
    if orientation in (6, 7):
        x0, x1 = width - x1, width - x0
    if orientation in (7, 8):
        y0, y1 = height - y1, height - y0
    return x0, y0, x1, y1


def _text(corners: Corners) -> str:
    return " ".join(f"{side:.7g}" for side in corners)

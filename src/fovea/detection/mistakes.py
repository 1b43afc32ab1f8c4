"""The mistakes of a detector at a threshold, one by one, and its confusion matrix.

A detection that matches a box of its class is right. By decreasing score, each of the others is the first of

    confused    on an object of another class that no detection has found: IoU ≥ ½                      (1)
    duplicate   on an object that another detection has found: IoU ≥ ½                                  (2)
    misplaced   near an object of its class: 0.1 ≤ IoU < ½                                              (3)
    invented    near none                                                                               (4)

and each object without a detection of the kinds right, confused or misplaced is

    missed                                                                                              (5)

Ignored boxes and detections are none of these. Source of the kinds: Bolya and others, TIDE (2020),
arXiv:2008.08115.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea.detection.boxes import Boxes, iou
from fovea.detection.detections import Detections
from fovea.detection.matching import Matches

KINDS = ("missed", "invented", "confused", "misplaced", "duplicate")
FOUND, NEAR = 0.5, 0.1  # IoU


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    kind: of KINDS. picture: its number. true: the object's class, None for invented ones. predicted: the
    detection's class, None for missed ones. score: the detection's; of a missed object, that of the detection
    below the threshold that matches it, 0 without any. iou: of detection and object, 0 without both. box,
    object: the corners of both, (x0, y0, x1, y1), None if there is none.
    """

    kind: str
    picture: int
    true: int | None
    predicted: int | None
    score: float
    iou: float
    box: tuple[float, ...] | None
    object: tuple[float, ...] | None

    @property
    def place(self) -> tuple[float, ...]:
        """The corners of what there is: the detection's, else the object's."""
        return self.box or self.object or ()


def mistakes(
    truth: Sequence[Boxes], found: Sequence[Detections], matches: Matches, threshold: float
) -> list[Mistake]:
    """Every mistake among the detections with a score of at least `threshold`, and every missed object, the
    worst first: detections by decreasing score; missed objects without any detection first, and large ones.
    """
    made: list[Mistake] = []
    edges = np.searchsorted(matches.picture, np.arange(len(truth) + 1))
    for picture, (true, all_found) in enumerate(zip(truth, found, strict=True)):
        mine = slice(edges[picture], edges[picture + 1])
        made += _mistakes(picture, true, all_found[matches.place[mine]], matches, mine, threshold)
    return sorted(made, key=_badness)


def confusion(matches: Matches, mistakes: Sequence[Mistake], threshold: float) -> np.ndarray:
    """The confusion matrix, int (classes + 1, classes + 1): true classes in rows, predicted ones in columns.

    The last row, background, counts detections on no object of their own: duplicate, misplaced and invented
    ones. The last column counts objects that no detection is on: missed, and those of misplaced detections.
    """
    classes = matches.boxes.shape[1]
    matrix = np.zeros((classes + 1, classes + 1), np.int64)
    shown = (matches.scores >= threshold) & ~matches.ignored[0, 0]
    right = matches.classes[shown & (matches.truth[0, 0] >= 0)]
    matrix[:classes, :classes] = np.diag(np.bincount(right, minlength=classes))
    for mistake in mistakes:
        if mistake.kind == "confused":
            matrix[mistake.true, mistake.predicted] += 1
        elif mistake.kind != "missed":
            matrix[-1, mistake.predicted] += 1
    matrix[:-1, -1] = matches.boxes[0] - matrix[:-1].sum(axis=1)
    return matrix


def rows(mistakes: Sequence[Mistake], files: Sequence[str], classes: Sequence[str]) -> list[tuple]:
    """Rows of a table with the columns COLUMNS; a number or class that there is not is empty."""
    return [
        (
            files[m.picture],
            m.kind,
            "" if m.true is None else classes[m.true],
            "" if m.predicted is None else classes[m.predicted],
            f"{m.score:.4f}",
            f"{m.iou:.4f}",
            *(f"{value:.1f}" for value in m.place),
        )
        for m in mistakes
    ]


COLUMNS = ("file", "mistake", "class", "predicted", "score", "iou", "x0", "y0", "x1", "y1")


def _mistakes(
    picture: int, true: Boxes, found: Detections, matches: Matches, mine: slice, threshold: float
) -> list[Mistake]:
    shown = found.scores >= threshold
    match, ignored = matches.truth[0, 0, mine], matches.ignored[0, 0, mine]
    counted = ~(true.difficult | true.crowd)
    taken = np.zeros(len(true), bool)
    taken[match[shown & (match >= 0)]] = True
    covered = np.zeros(len(true), bool)
    overlap = iou(found.corners.astype(np.float64), true.corners.astype(np.float64))
    made = []

    def add(kind: str, d: int | None, g: int | None, score: float | None = None) -> None:
        made.append(
            Mistake(
                kind,
                picture,
                None if g is None else int(true.classes[g]),
                None if d is None else int(found.classes[d]),
                float(found.scores[d]) if d is not None else score or 0.0,
                float(overlap[d, g]) if d is not None and g is not None else 0.0,
                None if d is None else tuple(found.corners[d].tolist()),
                None if g is None else tuple(true.corners[g].tolist()),
            )
        )

    for d in np.flatnonzero(shown & (match < 0) & ~ignored).tolist():
        on = (overlap[d] >= FOUND) & counted
        near = (overlap[d] >= NEAR) & (overlap[d] < FOUND) & counted & (true.classes == found.classes[d])
        kinds = {
            "confused": on & ~taken & (true.classes != found.classes[d]),  # (1)
            "duplicate": on & taken,  # (2)
            "misplaced": near,  # (3)
        }
        kind = next((name for name, among in kinds.items() if among.any()), "invented")  # (4)
        if kind == "invented":
            add(kind, d, None)
            continue
        g = int(np.where(kinds[kind], overlap[d], -1).argmax())
        taken[g] |= kind == "confused"
        covered[g] |= kind == "misplaced"
        add(kind, d, g)
    for g in np.flatnonzero(counted & ~taken & ~covered).tolist():  # (5)
        add("missed", None, g, found.scores[match == g].max(initial=0))
    return made


def _badness(mistake: Mistake) -> tuple:
    x0, y0, x1, y1 = mistake.place
    score = mistake.score if mistake.kind == "missed" else -mistake.score
    return KINDS.index(mistake.kind), score, -(x1 - x0) * (y1 - y0), mistake.picture

"""Changes of training pictures that move their boxes, too: those of `Augment`, other scales, and mosaics.

A picture is painted from pieces, each a rectangle of it that shows one source by a matrix M, which maps a
position in the picture to the position in the source (`functional.warp`). A plain picture has one piece; a
mosaic has four, which meet in a point, so that objects appear in new surroundings and in smaller sizes. The
boxes go through the inverse of M: a box becomes the bounding rectangle of its four corners, cut at the edges
of its piece.

Mosaics: Bochkovskiy, Wang, Liao: YOLOv4 (2020), arXiv:2004.10934.
"""

from dataclasses import dataclass, replace

import numpy as np

from fovea.augment import Augment
from fovea.detection.boxes import Boxes, area
from fovea.detection.dataset import Boxed
from fovea.functional import warp
from fovea.images import GREY

LEAST_SIDE = 2.0  # pixels of a box that is kept
LEAST_SHARE = 0.2  # of its area that is still in the picture
_MOVES = {"shift": 0.0, "pad": 0, "flip": False, "rotate": 0.0, "crop": 0.0, "stretch": 0.0}


@dataclass(frozen=True)
class Moves:
    """Random changes of pictures of `dataset` with their boxes, for training.

    augment: the changes of colour and form; outside of pictures is always grey. scale: enlarges or shrinks by
    a factor from 1 − scale to 1 + scale. mosaic: the share of pictures that are mosaics of four.
    """

    dataset: Boxed
    augment: Augment
    scale: float
    mosaic: float

    def __call__(
        self, images: np.ndarray, targets: list[Boxes | None], rng: np.random.Generator
    ) -> tuple[np.ndarray, list[Boxes | None]]:
        """Changed copies of uint8 pictures (N, H, W, C), and their boxes."""
        n, H, W, _ = images.shape
        mixed = np.flatnonzero(rng.random(n) < self.mosaic)
        others = rng.integers(0, len(self.dataset), (n, 3))  # drawn whether they are needed or not
        more, readable = self.dataset.read(others[mixed].reshape(-1))
        beside = self.dataset.targets(others[mixed].reshape(-1), readable)
        sources = np.concatenate([images, more])
        boxes = [*targets, *beside]

        pieces = [[i] for i in range(n)]
        for k, i in enumerate(mixed.tolist()):
            pieces[i] += range(n + 3 * k, n + 3 * k + 3)
        M = self.augment.matrices(len(sources), (H, W), rng, rng.random(len(sources)) < 0.5).astype(float)
        zoom = 1 + self.scale * (2 * rng.random(len(sources)) - 1)
        meeting = (0.25 + 0.5 * rng.random((n, 2))) * [W, H]  # x, y, where the pieces of a mosaic meet
        regions = np.tile(np.array([0, 0, W, H]), (len(sources), 1))
        for i, numbers in enumerate(pieces):
            if len(numbers) == 1:
                M[i] = _after(M[i], zoom[i], (W / 2, H / 2), (W / 2, H / 2))
                continue
            x, y = np.rint(meeting[i]).astype(int).tolist()
            for number, (right, below) in zip(numbers, ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
                corner = (0 if right else W, 0 if below else H)  # of the source, at the meeting point
                M[number] = _after(M[number], zoom[number] / 2, (x, y), corner)
                regions[number] = [x if right else 0, y if below else 0, W if right else x, H if below else y]

        moved = _warped(sources, M)
        made = np.empty_like(images)
        found: list[Boxes | None] = []
        for i, numbers in enumerate(pieces):
            for number in numbers:
                x0, y0, x1, y1 = regions[number]
                made[i, y0:y1, x0:x1] = moved[number, y0:y1, x0:x1]
            known = [_moved(b, M[k], regions[k]) for k in numbers if (b := boxes[k]) is not None]
            found.append(_joined(known) if known and targets[i] is not None else None)
        return replace(self.augment, **_MOVES, reflect=False)(made, rng), found


def _after(M: np.ndarray, zoom: float, place: tuple[float, float], source: tuple[float, float]) -> np.ndarray:
    """M after a change of scale by `zoom`, by which `place` of the picture shows `source`: both are positions
    x, y of edges, half a pixel from the centres that M knows."""
    (x, y), (u, v) = place, source
    S = np.array(
        [[1 / zoom, 0, u - 0.5 - (x - 0.5) / zoom], [0, 1 / zoom, v - 0.5 - (y - 0.5) / zoom], [0, 0, 1]]
    )
    return M @ S


def _warped(sources: np.ndarray, M: np.ndarray) -> np.ndarray:
    """The sources moved by M; outside is grey, as a mirror image would show objects without boxes."""
    _, H, W, _ = sources.shape
    moved = warp(sources, M.astype(np.float32), (H, W))
    x, y = np.arange(W), np.arange(H)[:, None]
    a, b, c = M[:, :, :, None, None].transpose(2, 1, 0, 3, 4)  # each (2, n, 1, 1)
    u, v = a * x + b * y + c
    moved[(u < -0.5) | (u > W - 0.5) | (v < -0.5) | (v > H - 0.5)] = GREY
    return moved


def _moved(boxes: Boxes, M: np.ndarray, region: np.ndarray) -> Boxes:
    """The boxes of a source in the picture that shows it by M in `region`, but those of which too little is
    left."""
    x0, y0, x1, y1 = (boxes.corners[:, k].astype(float) - 0.5 for k in range(4))
    corners = np.stack([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])  # (4, 2, n)
    shown = np.linalg.inv(M[:, :2]) @ (corners - M[:, 2, None]) + 0.5
    whole = np.concatenate([shown.min(axis=0), shown.max(axis=0)]).T
    cut = whole.clip(np.tile(region[:2], 2), np.tile(region[2:], 2))
    kept = ((cut[:, 2:] - cut[:, :2]) >= LEAST_SIDE).all(axis=1) & (area(cut) >= LEAST_SHARE * area(whole))
    return Boxes(cut, boxes.classes, boxes.difficult, boxes.crowd)[kept]


def _joined(parts: list[Boxes]) -> Boxes:
    return Boxes(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("corners", "classes", "difficult", "crowd")
        )
    )

"""The figure of object detection: the overlap of two boxes, suppression, and precision by recall."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fovea.detection.average_precision import RECALLS, average_precision
from fovea.detection.boxes import Boxes, iou
from fovea.detection.detections import Detections
from fovea.detection.matching import match
from fovea.detection.metrics import curve
from fovea.detection.suppression import suppress

from .paper import BLUE, INK, ORANGE, PALE, fit, picture, sheet

SIDE = 96  # pixels
CELLS = np.array([[26, 24, 15], [64, 30, 17], [34, 66, 18], [74, 72, 13]])  # x, y and radius


def detection() -> Figure:
    low, high = np.array([[8, 14, 68, 66]]), np.array([[30, 32, 88, 86]])
    points = detections()
    titles = [f"IoU = {iou(low, high)[0, 0]:.2f}", "8 boxes per object", "suppressed", "average precision"]
    figure, panels = sheet(titles, [1.0, 1.0, 1.0, 1.25])
    shared = np.concatenate([np.maximum(low, high)[:, :2], np.minimum(low, high)[:, 2:]], axis=1)
    _box(panels[0], shared[0], BLUE, fill=True)
    _box(panels[0], low[0], BLUE)
    _box(panels[0], high[0], ORANGE)
    fit(panels[0], (SIDE, SIDE))
    for axes, found in zip(panels[1:], (points, suppress(points)), strict=False):
        picture(axes, scene())
        for box in found.corners:
            _box(axes, box, ORANGE)
    _precision(panels[3])
    return figure


def scene() -> np.ndarray:
    """Cells under a microscope, float32 (96, 96, 3) from 0 to 1."""
    y, x = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE, 3), (0.93, 0.92, 0.9), np.float32)
    for cx, cy, radius in CELLS:
        distance = np.hypot(x - cx, y - cy) / radius
        image[distance < 1] = 0.82, 0.6, 0.62
        image[distance < 0.45] = 0.88, 0.74, 0.75
    return image


def detections() -> Detections:
    """Eight detections of every cell; a better one has a higher score."""
    rng = np.random.default_rng(1)
    exact = np.concatenate([CELLS[:, :2] - CELLS[:, 2:], CELLS[:, :2] + CELLS[:, 2:]], axis=1)
    corners = np.repeat(exact, 8, axis=0) + rng.normal(0, 1.6, (8 * len(exact), 4))
    scores = iou(corners, exact).max(axis=1)
    return Detections(corners, scores, np.zeros(len(corners)))


def _precision(axes: Axes) -> None:
    """Precision by recall, and the highest precision at each recall or beyond."""
    right = [1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
    place = np.arange(len(right))[:, None] * 20.0
    boxes = np.concatenate([place, place * 0, place + 9, place * 0 + 9], axis=1)
    truth = [Boxes(boxes[np.array(right) == 1], np.zeros(sum(right)))]
    found = [Detections(boxes, np.linspace(0.9, 0.1, len(right)), np.zeros(len(right)))]
    points, p = curve(match(truth, found, 1)), average_precision(truth, found, 1).precision[0, 0, :, 0]
    axes.set_frame_on(True)
    axes.fill_between(RECALLS, p, color=PALE, step="pre", lw=0)
    axes.plot(RECALLS, p, color=BLUE, lw=1.5, drawstyle="steps-pre")
    axes.plot(points.recall, points.precision, "o-", color=ORANGE, ms=3, lw=0.8)
    axes.text(0.06, 0.12, f"AP = {p.mean():.2f}", size=9, color=INK)
    axes.text(0.06, 0.3, "P, R", size=9, color=ORANGE)
    axes.text(0.3, 0.3, "p(r)", size=9, color=BLUE)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.05))
    axes.spines[["top", "right"]].set_visible(False)


def _box(axes: Axes, box: np.ndarray, colour: str, fill: bool = False) -> None:
    x0, y0, x1, y1 = box
    shade = {"facecolor": PALE, "edgecolor": "none"} if fill else {"fill": False, "edgecolor": colour}
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, linewidth=1.3, **shade))


PICTURES = {"detection": detection}

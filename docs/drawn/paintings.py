"""The figure of style transfer: a photograph, a style, and paintings of the one in the style of the other."""

import numpy as np
from matplotlib.figure import Figure

from fovea.style import Painter, transfer

from .paper import picture, sheet

SIDE = 96  # pixels


def style() -> Figure:
    photo, stripes = (np.rint(255 * image).astype(np.uint8) for image in (landscape(), waves()))
    quick = {"size": SIDE, "network": "squeezenet", "evaluations": (40,)}
    texture = transfer(photo, stripes, start="noise", strength=1.0, **quick)
    painted = transfer(photo, stripes, **quick)
    at_once = Painter("arbitrary").paint(photo, stripes)
    figure, panels = sheet(["photograph", "style", "style alone, from noise", "painting", "in one pass"])
    for axes, image in zip(panels, (photo, stripes, texture, painted, at_once), strict=True):
        picture(axes, image / 255)
    return figure


def landscape() -> np.ndarray:
    """A sun over hills, float32 (96, 96, 3) from 0 to 1."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    image = np.stack([0.55 + 0.3 * y, 0.7 + 0.1 * y, 0.95 - 0.2 * y], 2)
    image[(y - 0.3) ** 2 + (x - 0.68) ** 2 < 0.14**2] = 0.98, 0.85, 0.35
    image[y > 0.62 + 0.1 * np.sin(5 * x)] = 0.3, 0.55, 0.3
    image[y > 0.78 + 0.07 * np.sin(7 * x + 2)] = 0.18, 0.38, 0.25
    return image.astype(np.float32)


def waves() -> np.ndarray:
    """Wavy strokes of a few colours, float32 (96, 96, 3) from 0 to 1."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    colours = np.array([[0.1, 0.2, 0.5], [0.2, 0.45, 0.75], [0.95, 0.9, 0.7], [0.95, 0.75, 0.2]])
    phase = 14 * y + 2.2 * np.sin(6 * x + 3 * y) + 1.3 * np.sin(11 * x)
    return colours[np.floor(phase).astype(int) % len(colours)].astype(np.float32)


PICTURES = {"style": style}

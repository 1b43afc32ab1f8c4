"""Boxes with labels, drawn on a picture so that they are seen on any background.

Every line has two tones: the colour, and beside it white or black, the one that differs more from the colour.
A label is on a plate of that colour, at the place beside its box where it covers the least of all boxes and
plates. A label without such a place is left out.
"""

from collections.abc import Sequence
from colorsys import hsv_to_rgb
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from fovea.images.drawing import font_file, shades_of, short

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255

_LEAST_TEXT = 11  # pixels
_COVERED = 0.1  # share of a plate that others may cover


def marked(
    picture: np.ndarray,
    corners: np.ndarray,
    colours: Sequence[Colour],
    labels: Sequence[str] = (),
    line: int | None = None,
) -> np.ndarray:
    """A copy of the uint8 picture (H, W, C) in RGB, with boxes (n, 4): x0, y0, x1, y1 in pixels.

    Each has a colour and, unless `labels` is empty, a label; "" is none. Of boxes that compete for space, the
    first are labelled. Letters are larger in larger pictures, and so are lines, unless `line` is their width.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).convert("RGB")
    side = sqrt(image.width * image.height)
    line = line or max(round(side / 250), 2)
    draw = ImageDraw.Draw(image)
    outlines = [_outline(box, line, image.size) for box in np.asarray(corners, float).reshape(-1, 4)]
    for outline, colour in reversed(list(zip(outlines, colours, strict=True))):  # the first on top
        _draw_outline(draw, outline, colour, line)
    if any(labels):
        font = _font(max(round(side / 45), _LEAST_TEXT))
        plates: list[tuple[float, ...]] = []
        for outline, colour, label in zip(outlines, colours, labels, strict=True):
            size = _plate_size(font, short(label, 24))
            place = _place(outline, size, image.size, outlines, plates) if label else None
            if place:
                plates.append(place)
                draw.rectangle((*place[:2], place[2] - 1, place[3] - 1), fill=colour)
                middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
                draw.text(middle, short(label, 24), fill=_contrast(colour), font=font, anchor="mm")
    return np.asarray(image)


def class_colours(count: int) -> list[Colour]:
    """A colour per class. Neighbours differ in hue and brightness, for as many classes as there may be."""
    if count <= 10:
        return [_rgb(shade[:3]) for shade in shades_of(count)]
    golden = (sqrt(5) - 1) / 2  # of the circle of hues: its multiples are far from each other
    levels = ((0.75, 0.9), (0.85, 0.6), (0.45, 0.95))  # saturation, value
    return [_rgb(hsv_to_rgb(k * golden % 1, *levels[k % 3])) for k in range(count)]


def _rgb(shade: Sequence[float]) -> Colour:
    red, green, blue = (round(255 * part) for part in shade)
    return red, green, blue


def _contrast(colour: Colour) -> str:
    """Black or white, the one that differs more from the colour, by its luma (ITU-R BT.601)."""
    red, green, blue = colour
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def _outline(box: np.ndarray, line: int, picture: tuple[int, int]) -> tuple[int, ...]:
    """The outer edges of a box's line, whose middle is the box's edge; inside the picture."""
    x0, y0, x1, y1 = box
    width, height = picture
    left, top = max(round(x0 - line / 2), 0), max(round(y0 - line / 2), 0)
    right, bottom = min(round(x1 + line / 2), width), min(round(y1 + line / 2), height)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _draw_outline(draw: "ImageDraw", outline: tuple[int, ...], colour: Colour, line: int) -> None:
    x0, y0, x1, y1 = outline
    other = "black" if _contrast(colour) == "black" else "white"
    draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline=other, width=line + 2)
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=colour, width=line)


def _plate_size(font: "FreeTypeFont", label: str) -> tuple[int, int]:
    ascent, descent = font.getmetrics()
    return round(font.getlength(label)) + ascent // 2, ascent + descent


def _place(
    outline: tuple[int, ...],
    size: tuple[int, int],
    picture: tuple[int, int],
    outlines: Sequence[tuple[int, ...]],
    plates: Sequence[tuple[float, ...]],
) -> tuple[float, ...] | None:
    """The corners of a plate: the best of above, below, beside and within its box; None if none is free."""
    (x0, y0, x1, y1), (width, height), (W, H) = outline, size, picture
    if width > W or height > H:
        return None
    corners = [
        (x0, y0 - height), (x1 - width, y0 - height), (x0, y1), (x1 - width, y1),
        (x1, y0), (x0 - width, y0), (x1, y1 - height), (x0 - width, y1 - height), (x0, y0),
    ]  # fmt: skip
    places = np.array([(min(max(x, 0), W - width), y) for x, y in corners if 0 <= y <= H - height])
    if not len(places):
        places = np.array([(min(max(x0, 0), W - width), min(max(y0, 0), H - height))])
    places = np.concatenate([places, places + size], axis=1)
    cost = _covered(places, outlines) + 4 * _covered(places, plates)
    best = places[cost.argmin()]
    if _covered(best[None], plates)[0] > _COVERED * width * height:
        return None
    return tuple(best.tolist())


def _covered(places: np.ndarray, others: Sequence[tuple[float, ...]]) -> np.ndarray:
    """The area that each place shares with all others."""
    if not others:
        return np.zeros(len(places))
    a, b = places[:, None], np.array(others)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return sides.clip(0).prod(axis=2).sum(axis=1)


@lru_cache
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(font_file(), size)

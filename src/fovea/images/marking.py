"""Boxes with labels, drawn on a picture so that they are seen on any background.

Every line has two tones: the colour, and beside it white or black, the one that differs more from the colour.
A label is on a plate of that colour, at the place beside its box where it covers the least. Where each would
hide an object or another label, it is left out, and the colour alone tells the class.
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
_HIDDEN_BOX, _HIDDEN_PLATE = 0.3, 0.1  # the share of a box and of a plate that other plates may cover


def marked(
    picture: np.ndarray,
    corners: np.ndarray,
    colours: Sequence[Colour],
    labels: Sequence[str] = (),
    line: int | None = None,
) -> np.ndarray:
    """A copy of the uint8 picture (H, W, C) in RGB, with boxes (n, 4): x0, y0, x1, y1 in pixels.

    Each has a colour and, unless `labels` is empty, a label; "" is none. Of boxes that compete for space, the
    first are labelled. Letters are larger in larger pictures and on larger boxes. Lines are wider in larger
    pictures, unless `line` is their width.
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
        boxes = np.array(outlines)
        usual = float(np.median(np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))))
        font = _font(max(round(min(side / 45, usual / 6)), _LEAST_TEXT))
        plates = np.zeros((0, 4))
        for outline, colour, label in zip(outlines, colours, labels, strict=True):
            text = short(label, 24)
            place = _place(outline, _plate_size(font, text), image.size, boxes, plates) if label else None
            if place is not None:
                plates = np.concatenate([plates, [place]])
                x0, y0, x1, y1 = place.tolist()
                draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=colour)
                middle = ((x0 + x1) / 2, (y0 + y1) / 2)
                draw.text(middle, text, fill=_contrast(colour), font=font, anchor="mm")
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
    boxes: np.ndarray,
    plates: np.ndarray,
) -> np.ndarray | None:
    """The corners of a plate, float (4,): the best of above, below, beside and within its box that hides
    nothing; None if all do."""
    (x0, y0, x1, y1), (width, height), (W, H) = outline, size, picture
    if width > W or height > H:
        return None
    corners = [
        (x0, y0 - height), (x1 - width, y0 - height), (x0, y1), (x1 - width, y1),
        (x1, y0), (x0 - width, y0), (x1, y1 - height), (x0 - width, y1 - height), (x0, y0),
    ]  # fmt: skip
    inside = np.array(corners, float).clip(0, [W - width, H - height])
    places = np.concatenate([inside, inside + size], axis=1)
    of_boxes, of_plates = _shared(places, boxes), _shared(places, plates)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    hides = (of_boxes > _HIDDEN_BOX * areas).any(axis=1)
    hides |= (of_plates > _HIDDEN_PLATE * width * height).any(axis=1)
    if hides.all():
        return None
    cost = of_boxes.sum(axis=1) + 4 * of_plates.sum(axis=1)
    return places[np.where(hides, np.inf, cost).argmin()]


def _shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The area that each of the places a (n, 4) and b (m, 4) share: (n, m)."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    return sides.clip(0).prod(axis=2)


@lru_cache
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(font_file(), size)

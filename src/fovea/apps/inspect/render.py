"""Arrays as pictures: maps side by side, and heat maps over a photograph.

Grey shows values, colour shows importance. Everything is a uint8 array for `images.write`; sheets are
transparent between the tiles, for pages of any colour.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fovea import images

GAIN = ((62, 18, 96), (176, 42, 96), (240, 116, 44), (253, 231, 140))  # from 0 to the largest value
LOSS = ((12, 44, 92), (30, 110, 170), (120, 200, 235))  # the same for negative values
OUTLINE = (255, 176, 32)


def grey(values: np.ndarray, largest: float) -> np.ndarray:
    """Values as grey: black is 0 and white `largest`; if some are negative, 0 is middle grey and black is
    −`largest`. NaN is black."""
    share = np.nan_to_num(values, nan=-largest, posinf=largest, neginf=-largest) / (largest or 1)
    if values.size and np.nanmin(values) < 0:
        share = (share + 1) / 2
    return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)


def sheet(tiles: Sequence[np.ndarray], columns: int, side: int = 72) -> np.ndarray:
    """uint8 tiles (h, w, 1 or 3), all of one shape, in rows of `columns`: RGBA. Tiles are enlarged by a whole
    factor to a longer side of about `side`."""
    h, w, _ = tiles[0].shape
    k = max(1, side // max(h, w))
    gap = max(2, min(h, w) * k // 16)
    rows = -(-len(tiles) // columns)
    canvas = np.zeros((rows * (h * k + gap) - gap, columns * (w * k + gap) - gap, 4), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        place = canvas[row * (h * k + gap) :, column * (w * k + gap) :][: h * k, : w * k]
        place[...] = enlarged(tile, k, opacity=True)
    return canvas


def enlarged(picture: np.ndarray, k: int, opacity: bool = False) -> np.ndarray:
    """(h, w, 1 or 3) with every pixel k times as high and wide: RGB, or RGBA that hides what is below it."""
    picture = picture.repeat(k, axis=0).repeat(k, axis=1)
    picture = np.broadcast_to(picture, (*picture.shape[:2], 3))
    shape = (*picture.shape[:2], 1)
    return np.concatenate([picture, np.full(shape, 255, np.uint8)], axis=2) if opacity else picture.copy()


def stretched(values: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    """`values` (h, w) resized to `size`: bilinearly if `smooth`, else by the nearest value."""
    for axis, n in enumerate(size):
        position = (np.arange(n) + 0.5) * values.shape[axis] / n - 0.5
        if not smooth:
            values = values.take(
                np.clip(np.round(position), 0, values.shape[axis] - 1).astype(int), axis=axis
            )
            continue
        low = np.clip(np.floor(position), 0, values.shape[axis] - 1).astype(int)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        part = np.clip(position - low, 0, 1).reshape(-1, *[1] * (1 - axis))
        values = values.take(low, axis=axis) * (1 - part) + values.take(high, axis=axis) * part
    return values


def heat(picture: np.ndarray, values: np.ndarray, *, smooth: bool = True) -> np.ndarray:
    """`values` (h, w) in colour over the darkened RGB `picture` of any size. The largest magnitude is full
    colour and 0 is none; negative values are blue. NaN and infinity stay uncoloured."""
    values = stretched(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0), picture.shape[:2], smooth)
    share = values / (np.abs(values).max() or 1)
    strength = np.abs(share)[..., None]
    colour = np.where(share[..., None] >= 0, _ramp(GAIN, np.abs(share)), _ramp(LOSS, np.abs(share)))
    opacity = np.minimum(1.25 * strength**0.75, 0.92)
    luma = picture @ np.array([0.299, 0.587, 0.114])
    base = np.repeat(0.25 * picture.mean() * 0.3 + 0.55 * luma[..., None], 3, axis=2)
    return np.round(np.clip(base * (1 - opacity) + colour * opacity, 0, 255)).astype(np.uint8)


def spotlit(picture: np.ndarray, pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The RGB `picture`, darkened outside `pixels`, bool (h, w) over the whole picture, with an outline
    around `box` = (top, left, bottom, right) of them."""
    size, (h, w) = picture.shape[:2], pixels.shape
    seen = stretched(pixels.astype(float), size, smooth=False)[..., None]
    lit = np.round(picture * np.where(seen > 0, 1, 0.35)).astype(np.uint8)
    top, bottom = (round(edge * size[0] / h) for edge in (box[0], box[2]))
    left, right = (round(edge * size[1] / w) for edge in (box[1], box[3]))
    thick = max(2, max(size) // 160)
    edge = np.zeros(size, bool)
    edge[top:bottom, left:right] = True
    edge[top + thick : bottom - thick, left + thick : right - thick] = False
    lit[edge] = OUTLINE
    return lit


def shown(picture: np.ndarray, side: int = 480) -> np.ndarray:
    """A uint8 picture (H, W, 1 or 3) as RGB with a longer side of about `side`: enlarged by a whole factor,
    or reduced."""
    H, W, _ = picture.shape
    if max(H, W) > side:
        picture = images.fit(picture[None], within((H, W), side))[0]
    return enlarged(picture, max(1, side // max(H, W)))


def within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(H, W) scaled down, if needed, to a longer side of `side`."""
    scale = min(1, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def write(path: Path, picture: np.ndarray) -> Path:
    """Write a picture, creating its folder if needed; returns the path. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path, picture)
    return path


def _ramp(colours: Sequence[tuple[int, int, int]], share: np.ndarray) -> np.ndarray:
    """The colour at each `share`, from the first at 0 to the last at 1."""
    stops = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(share, stops, channel) for channel in zip(*colours, strict=True)], axis=-1)

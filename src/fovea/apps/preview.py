"""A small picture in a terminal: each character is two pixels, one above the other."""

import os
from typing import TYPE_CHECKING

import numpy as np

from fovea import images

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segments

LEAST, MOST = 8, 96  # columns
BELOW = 4  # lines that are left for a bar, which may be broken, and the cursor


def can_show(console: "Console") -> bool:
    """True if the console is a terminal with 256 colours or more that may be used, watched by a person."""
    colourful = console.color_system in ("256", "truecolor") and not console.no_color
    return console.is_terminal and not console.is_dumb_terminal and colourful and not os.environ.get("CI")


def blocks(picture: np.ndarray, console: "Console") -> "Segments | None":
    """A picture uint8 (H, W, 3) as large as fits the console; None if that has no room for one."""
    from rich.color import Color
    from rich.segment import Segment, Segments
    from rich.style import Style

    H, W, _ = picture.shape
    width, height = min(console.width, MOST), 2 * (console.height - BELOW)
    scale = min(width / W, height / H)
    columns, rows = round(W * scale), max(round(H * scale / 2), 1)
    if columns < LEAST or height < 2:
        return None
    pixels = images.fit(picture[None], (2 * rows, columns))[0].reshape(rows, 2, columns, 3)
    segments = []
    for upper, lower in pixels.tolist():
        for above, below in zip(upper, lower, strict=True):
            segments.append(Segment("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))))
        segments.append(Segment.line())
    return Segments(segments)

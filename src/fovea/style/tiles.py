"""A picture in overlapping tiles, for whose features there is not enough memory at once.

    ├──────── window 1 ────────┤
                   ├──────── window 2 ────────┤
    ├────── core 1 ──────┼────── core 2 ──────┤

The network sees a window; only the features of its core count, and the cores are all of the picture. A window
extends beyond its core by at least the `halo`, half of the receptive field, or to the border of the picture:
so the features of a core are those of the whole picture, and there are no seams. Windows start at multiples
of `GRID` pixels, in step with the network's pooling, and all have the same size, for one plan serves all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

GRID = 16  # pixels


class Span(NamedTuple):
    """A tile along one axis of the picture, in pixels: its window, and the core within it."""

    start: int
    stop: int
    first: int
    last: int


class Tile(NamedTuple):
    rows: Span
    columns: Span


def tiles(size: tuple[int, int], side: int, halo: int) -> list[Tile]:
    """The fewest tiles of a picture (H, W) whose windows have sides of at most `side` pixels."""
    rows, columns = (spans(length, side, halo) for length in size)
    return [Tile(row, column) for row in rows for column in columns]


def spans(length: int, side: int, halo: int) -> list[Span]:
    """The fewest windows of at most `side` pixels, of equal size, as small as possible, over `length` pixels.
    `halo` is a multiple of GRID, and `side` at least 2 · halo + 2 · GRID."""
    if length <= side:
        return [Span(0, length, 0, length)]
    side -= (side - length) % GRID  # the last window ends where the picture ends
    count = 1 + -(-(length - side) // _step(side, halo))
    while _step(side - GRID, halo) and 1 + -(-(length - side + GRID) // _step(side - GRID, halo)) == count:
        side -= GRID
    starts = [(length - side) // GRID * k // (count - 1) * GRID for k in range(count)]
    # Cores meet in the middle of the overlap.
    meet = [after + (before + side - after) // (2 * GRID) * GRID for before, after in pairwise(starts)]
    cores = pairwise([0, *meet, length])
    return [Span(start, start + side, *core) for start, core in zip(starts, cores, strict=True)]


def _step(side: int, halo: int) -> int:
    """The most pixels from one window's start to the next one's."""
    return (side - 2 * halo) // GRID * GRID


@dataclass(frozen=True)
class Patch:
    """A tile in the features (1, H, W, C) of one layer: `rows` and `columns` of the whole's features that the
    window has, and `core_rows` and `core_columns` of those in the core. `share` is the window's number of
    pixels relative to the whole's."""

    rows: slice
    columns: slice
    core_rows: slice
    core_columns: slice
    share: np.float32

    @cached_property
    def core(self) -> tuple[slice, slice, slice]:
        """Of the window's features."""
        return (slice(None), _within(self.core_rows, self.rows), _within(self.core_columns, self.columns))

    @property
    def core_of_whole(self) -> tuple[slice, slice, slice]:
        return (slice(None), self.core_rows, self.core_columns)

    def blank(self, F: np.ndarray) -> None:
        """Set the window's features beyond the core to 0."""
        _, rows, columns = self.core
        F[:, : rows.start] = F[:, rows.stop :] = 0
        F[:, rows, : columns.start] = F[:, rows, columns.stop :] = 0


def patches(
    tile: Tile,
    size: tuple[int, int],
    window: Mapping[str, tuple[int, ...]],
    whole: Mapping[str, tuple[int, ...]],
) -> dict[str, Patch]:
    """The patch of each layer, from the shapes (H, W, C) of its features in a window and in the whole picture
    (H, W)."""
    found = {}
    for name, (h, w, _) in window.items():
        H, W, _ = whole[name]
        rows, core_rows = _scaled(tile.rows, h, H, size[0])
        columns, core_columns = _scaled(tile.columns, w, W, size[1])
        found[name] = Patch(rows, columns, core_rows, core_columns, np.float32(h * w / (H * W)))
    return found


def _scaled(span: Span, count: int, whole: int, length: int) -> tuple[slice, slice]:
    """Of the `whole` features along an axis of `length` pixels: the `count` of the window, and the core."""
    stride = 1 << round(np.log2(length / whole))
    first, last = span.first // stride, whole if span.last == length else span.last // stride
    return slice(span.start // stride, span.start // stride + count), slice(first, last)


def _within(part: slice, window: slice) -> slice:
    return slice(part.start - window.start, part.stop - window.start)

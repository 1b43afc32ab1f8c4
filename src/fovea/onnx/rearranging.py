"""Layers that move numbers, recognised by the resulting places alone: the same layers are found whether a
model uses slices, reshapes and transpositions or a single operator."""

from collections.abc import Sequence

import numpy as np

from fovea.geometry.borders import MODES, source
from fovea.geometry.sampling import resized
from fovea.layers import Channels, DepthToSpace, Layer, Pad2D, Resize2D, Shortcut, SpaceToDepth
from fovea.layers.base import Shape


def rearranged(shape: Shape, places: np.ndarray) -> list[Layer] | None:
    """Layers that move pictures of `shape` (H, W, C) such that (c, y, x) has the number at the flat index
    `places[c, y, x]`; None if there are none."""
    H, W, C = shape
    usual = np.arange(H * W * C).reshape(shape).transpose(2, 0, 1)
    rows, columns, channels = places // (W * C), places // C % W, places % C
    r, c, k = rows[0, :, 0], columns[0, 0, :], channels[:, 0, 0]
    if np.array_equal(places, usual[np.ix_(k, r, c)]):
        return _separable(shape, k, r, c)
    height, width = places.shape[1:]
    for larger, smaller, recognise in (
        ((H, W), (height, width), _to_depth),
        ((height, width), (H, W), _to_space),
    ):
        block = larger[0] // smaller[0]
        if block > 1 and larger == (smaller[0] * block, smaller[1] * block):
            return recognise(usual, places, block, (rows, columns, channels))
    return None


def _separable(shape: Shape, k: np.ndarray, r: np.ndarray, c: np.ndarray) -> list[Layer] | None:
    """Layers that select the channels k, rows r and columns c; None if there are none."""
    H, W, _ = shape
    selected = _selected(k, shape[2])
    steps = [_steps(places, n) for places, n in ((r, H), (c, W))]
    if selected is None:
        return None
    if None not in steps:
        (cut_H, s_H), (cut_W, s_W) = (step for step in steps if step is not None)
        cut = [Pad2D((*cut_H, *cut_W))] if any((*cut_H, *cut_W)) else []
        return [*selected, *cut, *([Shortcut(len(k), (s_H, s_W))] if (s_H, s_W) != (1, 1) else [])]
    for mode in MODES[:-1]:  # all but a constant
        sides = [_border(places, n, mode) for places, n in ((r, H), (c, W))]
        if None not in sides:
            around = [side for pair in sides if pair is not None for side in pair]
            return [*selected, Pad2D((around[0], around[1], around[2], around[3]), mode)]
    nearest = (resized(n, len(places), "nearest", False).pixels[:, 0] for places, n in ((r, H), (c, W)))
    if all(np.array_equal(sampled, places) for sampled, places in zip(nearest, (r, c), strict=True)):
        return [*selected, Resize2D((len(r), len(c)))]
    return None


def _selected(k: np.ndarray, C: int) -> list[Layer] | None:
    if np.array_equal(k, np.arange(C)):
        return []
    return [Channels(tuple(map(int, k)))] if len(set(k.tolist())) == len(k) else None


def _steps(places: np.ndarray, n: int) -> tuple[tuple[int, int], int] | None:
    """The cropping before and after, as negative padding, and the stride that select these of n places; None
    if no crop and stride do."""
    first, count = int(places[0]), len(places)
    stride = int(places[1]) - first if count > 1 else 1
    if stride < 1 or not np.array_equal(places, first + stride * np.arange(count)):
        return None
    after = int(places[-1]) + 1 - n if -(-(n - first) // stride) != count else 0
    return (-first, after), stride


def _border(places: np.ndarray, n: int, mode: str) -> tuple[int, int] | None:
    """The padding before and after n pixels in that mode; None if the places do not follow it."""
    first = places == 0  # candidates for the first of the n original pixels
    if n > 1:
        first = first & (np.append(places[1:], 0) == 1)
    before = int(np.argmax(first))
    after = len(places) - n - before
    expected = source(mode, np.arange(-before, len(places) - before), n)
    return (before, after) if after >= 0 and np.array_equal(places, expected) else None


def _to_depth(
    usual: np.ndarray, places: np.ndarray, b: int, coordinates: Sequence[np.ndarray]
) -> list[Layer] | None:
    rows, columns, k = (axis[:, 0, 0] for axis in coordinates)
    if max(rows.max(), columns.max()) >= b:
        return None
    expected = np.stack([usual[c, i::b, j::b] for c, i, j in zip(k, rows, columns, strict=True)])
    if not np.array_equal(places, expected):
        return None
    if np.array_equal(k * b * b + rows * b + columns, np.arange(len(k))) and len(k) == len(usual) * b * b:
        return [SpaceToDepth(b, "CRD")]
    selected = _selected((rows * b + columns) * len(usual) + k, len(usual) * b * b)
    return None if selected is None else [SpaceToDepth(b), *selected]


def _to_space(
    usual: np.ndarray, places: np.ndarray, b: int, coordinates: Sequence[np.ndarray]
) -> list[Layer] | None:
    k = coordinates[2][:, :b, :b]  # (C, b, b): the channel that each pixel of a block comes from
    expected = usual[np.tile(k, (1, *(n for n in usual.shape[1:]))), *_blocks(usual.shape[1:], b)]
    if not np.array_equal(places, expected):
        return None
    if np.array_equal(k.reshape(-1), np.arange(len(usual))):
        return [DepthToSpace(b, "CRD")]
    selected = _selected(k.transpose(1, 2, 0).reshape(-1), len(usual))
    return None if selected is None else [*selected, DepthToSpace(b)]


def _blocks(size: Sequence[int], b: int) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column of each pixel's block, in the enlarged pictures."""
    rows, columns = np.arange(size[0] * b) // b, np.arange(size[1] * b) // b
    return rows[None, :, None], columns[None, None, :]

"""Hysteresis: weak edges stay where a strong one holds them.

A row's edges are runs of neighbouring pixels. Two runs of neighbouring rows touch where they overlap by so
much as a corner. Runs that touch are one edge: each takes the smallest number among those that it touches,
and the number that this one has, until nothing changes. So rounds are few, however long the edge.
"""

import numpy as np


def linked(candidates: np.ndarray) -> np.ndarray:
    """bool (H, W): the pixels that are not 0 and 8-connected, through such, to one that is 2.

    candidates: uint8, the outermost pixels 0, as `canny.thin` leaves them.
    """
    H, W = candidates.shape
    padded = np.zeros((H, W + 2), bool)  # a frame keeps the runs of two rows apart
    padded[:, 1:-1] = candidates
    changes = np.flatnonzero(padded.ravel()[1:] != padded.ravel()[:-1])
    starts, ends = changes[::2], changes[1::2]  # run i is [starts[i], ends[i]) of the flat candidates + 2·row
    if not len(starts):
        return np.zeros((H, W), bool)
    first, second = _touching(starts, ends, W + 2)
    root = _components(len(starts), first, second)
    strong = np.zeros((H, W + 2), np.int64)
    strong[:, 1:-1] = candidates == 2
    counts = np.concatenate(([0], np.cumsum(strong.ravel())))
    held = np.zeros(len(starts), bool)
    held[root[counts[ends + 1] > counts[starts + 1]]] = True
    held = held[root]
    marks = np.zeros(H * (W + 2) + 1, np.int8)
    marks[starts[held] + 1], marks[ends[held] + 1] = 1, -1
    return np.cumsum(marks[:-1], dtype=np.int8).reshape(H, W + 2)[:, 1:-1].astype(bool)


def _touching(starts: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs (i, j), j in the row below i, that share a side or a corner."""
    # Moved up by a row, j touches i where j's start ≤ i's end and i's start ≤ j's end.
    low = np.searchsorted(ends - width, starts, side="left")
    high = np.searchsorted(starts - width, ends, side="right")
    count = np.maximum(high - low, 0)
    first = np.repeat(np.arange(len(starts)), count)
    within = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    return first, np.repeat(low, count) + within


def _components(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """For each of n, the smallest number among those that pairs connect it to."""
    root = np.arange(n)
    while len(first):
        a, b = root[first], root[second]
        differ = a != b
        first, second, a, b = first[differ], second[differ], a[differ], b[differ]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(shorter := root[root], root):
            root = shorter
    return root

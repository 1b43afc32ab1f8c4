"""Hysteresis: weak edges are kept where they are connected to a strong one.

The edge pixels of a row form runs. Two runs of neighbouring rows touch if they share a side or a corner, and
runs that touch belong to one edge: each takes the smallest number among the runs that it touches, and then
that run's number, until nothing changes. This takes few rounds, even for long edges.
"""

import numpy as np


def linked(candidates: np.ndarray) -> np.ndarray:
    """bool (H, W): the pixels that are not 0 and that a path of such pixels, 8-connected, links to a 2.

    candidates: uint8 from `canny.thin`; the outermost pixels are 0.
    """
    H, W = candidates.shape
    padded = np.zeros((H, W + 2), bool)  # the frame separates the runs of two rows
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
    # Moved up by a row, j touches i if j's start ≤ i's end and i's start ≤ j's end.
    low = np.searchsorted(ends - width, starts, side="left")
    high = np.searchsorted(starts - width, ends, side="right")
    count = np.maximum(high - low, 0)
    first = np.repeat(np.arange(len(starts)), count)
    within = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    return first, np.repeat(low, count) + within


def _components(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """For each of n numbers, the smallest one that the pairs connect it to."""
    root = np.arange(n)
    while len(first):
        a, b = root[first], root[second]
        differ = a != b
        first, second, a, b = first[differ], second[differ], a[differ], b[differ]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(shorter := root[root], root):
            root = shorter
    return root

"""Task-aligned assignment: which points of the grid are to find which object, and how sure they should be.

For the object j, with box b_j and class c_j, and the points i inside its box, or else the nearest one:

    u_ij = IoU(box of i, b_j)
    t_ij = σ(z_i,c)^½ · u_ij^6 · exp(−8 (((x_i − x_j)/w_j)² + ((y_i − y_j)/h_j)²))                        (1)

The ten points with the largest t of each object are positive; a point that several objects want belongs to
the one with the largest u. The score that such a point shall have is

    q_i = t_ij / max_i t_ij · max_i u_ij                                                                  (2)

and 0 for all other points and classes: the score becomes the overlap that can be expected. No gradient flows
through the assignment. Ties go to the first point, so that the same input gives the same result everywhere.

The first two factors, and (2), are from Feng and others: TOOD (2021), arXiv:2108.07755, with other numbers;
the third, a Gaussian around the object's centre, breaks the ties of a fresh network, as a centre prior does
in Lyu and others: RTMDet (2022), arXiv:2212.07784.
"""

from dataclasses import dataclass

import numpy as np

from fovea.detection.boxes import area, intersection
from fovea.detection.decoding import STRIDE, points

TOP = 10  # points of an object
SCORE, OVERLAP = 0.5, 6  # the exponents of (1)
CENTRE = 8.0  # of the Gaussian: a quarter of the side is its standard deviation


@dataclass(frozen=True)
class Objects:
    """The objects in a batch of pictures: `boxes` float32 (G, 4), `classes` int (G,), and the `owner` of
    each, its picture's place in the batch."""

    boxes: np.ndarray
    classes: np.ndarray
    owner: np.ndarray


@dataclass(frozen=True)
class Positives:
    """The positive points of a batch: picture, point, and object of each, and its score q by (2)."""

    pictures: np.ndarray
    points: np.ndarray
    objects: np.ndarray
    scores: np.ndarray


def assign(scores: np.ndarray, boxes: np.ndarray, objects: Objects, grid: tuple[int, int]) -> Positives:
    """The positive points for scores (N, points, C) and boxes (N, points, 4) of a `grid` (rows, columns)."""
    wanted, point = _candidates(objects.boxes, grid)
    picture, b = objects.owner[wanted], objects.boxes[wanted].astype(np.float64)
    found = boxes[picture, point].astype(np.float64)
    shared = intersection(found, b)
    u = shared / np.maximum(area(found) + area(b) - shared, 1e-9)
    offset = (points(*grid)[point] - (b[:, :2] + b[:, 2:]) / 2) / (b[:, 2:] - b[:, :2])
    score = scores[picture, point, objects.classes[wanted]].astype(np.float64)
    t = score**SCORE * u**OVERLAP * np.exp(-CENTRE * np.square(offset).sum(axis=1))  # (1)

    order = np.lexsort((point, -t, wanted))
    rank = np.arange(len(order)) - np.searchsorted(wanted, wanted)  # `wanted` rises
    top = order[rank < TOP]
    place = picture[top] * len(points(*grid)) + point[top]
    order = np.lexsort((wanted[top], -u[top], place))
    top, place = top[order], place[order]
    top = top[np.diff(place, prepend=-1) != 0]  # the first at each point

    most_t, most_u = np.zeros(len(objects.boxes)), np.zeros(len(objects.boxes))
    np.maximum.at(most_t, wanted[top], t[top])
    np.maximum.at(most_u, wanted[top], u[top])
    q = t[top] / np.maximum(most_t[wanted[top]], 1e-30) * most_u[wanted[top]]  # (2)
    return Positives(picture[top], point[top], wanted[top], q.astype(np.float32))


def _candidates(boxes: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of an object and a point inside its box, or the nearest point if there is none: sorted by object,
    then by point."""
    rows, columns = grid
    ranges = []
    for low, high, most in ((0, 2, columns), (1, 3, rows)):
        first = np.ceil(boxes[:, low] / STRIDE - 0.5).astype(int).clip(0, most)
        last = np.floor(boxes[:, high] / STRIDE - 0.5).astype(int).clip(-1, most - 1)
        between = last < first
        middle = ((boxes[:, low] + boxes[:, high]) / 2 // STRIDE).astype(int).clip(0, most - 1)
        ranges.append((np.where(between, middle, first), np.where(between, middle, last)))
    (left, right), (top, bottom) = ranges
    wide = right - left + 1
    counts = wide * (bottom - top + 1)
    owner = np.repeat(np.arange(len(boxes)), counts)
    number = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    y, x = np.divmod(number, wide[owner])
    return owner, (top[owner] + y) * columns + left[owner] + x

"""Sampling along one axis: the old pixels that each new one is made of, and their shares.

    A[i] = Σ_t share[i, t] · A_prev[pixel[i, t]]                                                           (1)

Padding, cropping and resizing are such tables, one for rows and one for columns; so are their gradients, the
transposed tables. One kernel takes the tables as arguments.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry import Window, borders

RESIZING = ("nearest", "bilinear")


class Axis(NamedTuple):
    """(1) for an axis of n pixels: `pixels` int32 and `shares` float64, (n_out, terms).

    Terms with a share of 0 are ignored; pixels with fewer terms than others are filled up with pixel −1.
    """

    n: int
    pixels: np.ndarray
    shares: np.ndarray

    @property
    def n_out(self) -> int:
        return len(self.pixels)

    def transposed(self) -> "Axis":
        """The table for the gradient: the new pixels that each old one has a share in."""
        new = np.repeat(np.arange(self.n_out), self.pixels.shape[1])
        old, share = self.pixels.ravel(), self.shares.ravel()
        present = share != 0
        return _table(self.n_out, self.n, old[present], new[present], share[present])


@lru_cache(64)
def padded(n: int, before: int, after: int, mode: str) -> Axis:
    """The axis with `before` and `after` more pixels, or fewer if negative; the new pixels of mode "constant"
    have no terms."""
    positions = np.arange(-before, n + after)
    inside = (positions >= 0) & (positions < n)
    if mode == "constant":
        new = np.flatnonzero(inside)
        return _table(n, len(positions), new, positions[inside], np.ones(len(new)))
    return _table(
        n,
        len(positions),
        np.arange(len(positions)),
        borders.source(mode, positions, n),
        np.ones(len(positions)),
    )


def mirrored(window: Window) -> tuple[Axis, Axis]:
    """The rows and columns of the window's input with its mirroring padding."""
    (H, W), (top, bottom, left, right) = window.input, window.pads
    return padded(H, top, bottom, "mirror"), padded(W, left, right, "mirror")


@lru_cache(64)
def resized(n: int, n_out: int, mode: str, align_corners: bool) -> Axis:
    """The axis resized as by PyTorch's `interpolate`. New pixel i is at the old position

        nearest    ⌊i · n / n_out⌋
        bilinear   (i + ½) · n / n_out − ½, no less than 0;  with aligned corners i · (n − 1) / (n_out − 1)

    and interpolates linearly between the two neighbours there.
    """
    new = np.arange(n_out)
    if mode == "nearest":
        return _table(n, n_out, new, new * n // n_out, np.ones(n_out))
    position = np.maximum((new + 0.5) * (n / n_out) - 0.5, 0)
    if align_corners:
        position = new * (n - 1) / max(n_out - 1, 1)
    before = np.minimum(np.floor(position).astype(int), n - 1)
    share = position - before
    after = np.minimum(before + 1, n - 1)
    return _table(
        n, n_out, np.tile(new, 2), np.concatenate([before, after]), np.concatenate([1 - share, share])
    )


def mode_of_resizing(mode: str, align_corners: bool, who: str) -> None:
    """Raise ShapeError for an invalid mode of resizing."""
    if mode not in RESIZING:
        raise ShapeError(mismatch(f"{who}: mode", " or ".join(map(repr, RESIZING)), repr(mode)))
    if not isinstance(align_corners, bool | np.bool_):
        raise ShapeError(mismatch(f"{who}: align_corners", "True or False", repr(align_corners)))
    if align_corners and mode == "nearest":
        raise ShapeError(mismatch(f"{who}: align_corners", 'mode "bilinear"', repr(mode)))


def _table(n: int, n_out: int, new: np.ndarray, old: np.ndarray, share: np.ndarray) -> Axis:
    """The table of terms (new, old, share), sorted by new pixel, then by old."""
    order = np.lexsort((old, new))
    new, old, share = new[order], old[order], share[order]
    counts = np.bincount(new, minlength=n_out)
    term = np.arange(len(new)) - np.repeat(np.cumsum(counts) - counts, counts)
    pixels = np.full((n_out, max(int(counts.max(initial=0)), 1)), -1, np.int32)
    shares = np.zeros(pixels.shape)
    pixels[new, term], shares[new, term] = old, share
    for array in (pixels, shares):
        array.flags.writeable = False
    return Axis(n, pixels, shares)

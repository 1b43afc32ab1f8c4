"""Larger pictures: which pixels a new one is a mean of, and back which new ones a pixel has a share in."""

import numpy as np

from fovea.geometry import pair
from fovea.layers import Upsample2D
from fovea.reference.upsample import shares
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _axes(passed: Passed) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """For rows and for columns, as `fovea.reference.upsample` says them: pixels and their shares."""
    layer = passed.layer
    assert isinstance(layer, Upsample2D)
    factors = pair(layer.factor, layer.who, "factor")
    return [shares(n, f, layer.mode) for n, f in zip(passed.A_prev.shape[:2], factors, strict=True)]


def _mean(passed: Passed, at: At) -> Sum:
    y, x, c = at
    rows, columns = ([(p[i], s[i]) for p, s in axis] for axis, i in zip(_axes(passed), (y, x), strict=True))
    return _sum(passed, "Z", at, passed.Z, "A_prev", passed.A_prev, rows, columns, c)


def _shared(passed: Passed, at: At) -> Sum:
    y, x, c = at
    rows, columns = (_reached(axis, i) for axis, i in zip(_axes(passed), (y, x), strict=True))
    return _sum(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, rows, columns, c)


def _reached(axis: list[tuple[np.ndarray, np.ndarray]], old: int) -> list[tuple[int, float]]:
    """The new pixels that an old one has a share in."""
    share = sum(np.where(pixels == old, shares, 0.0) for pixels, shares in axis)
    return [(new, share[new]) for new in np.flatnonzero(share)]


def _sum(passed, array, at, values, name, source, rows, columns, c) -> Sum:
    """Σ source · share over these (place, share) of rows and columns."""
    places = np.array([[(i, j, c) for j, _ in columns] for i, _ in rows], int)
    products = np.array([[s * t for _, t in columns] for _, s in rows])
    left = Factor(name, source[tuple(np.moveaxis(places, -1, 0))], places)
    return passed.sum(array, at, values, f"Σ {name} · share", left, Factor("share", products))


UPSAMPLING = Tracer(_mean, _shared)

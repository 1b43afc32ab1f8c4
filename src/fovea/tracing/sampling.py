"""Larger and smaller pictures: which pixels a new one is a mean of, and back which new ones a pixel has a
share in; and the shortcut of residual networks, which passes pixels over."""

import numpy as np

from fovea import engine
from fovea.geometry import pair
from fovea.layers import Pad2D, Resize2D, Shortcut, Upsample2D
from fovea.reference.upsample import shares
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _axes(passed: Passed) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """For rows and for columns, as `fovea.reference.upsample` says them: pixels and their shares."""
    layer = passed.layer
    if isinstance(layer, Pad2D | Resize2D):
        return [list(zip(a.pixels.T, a.shares.T, strict=True)) for a in layer.axes(passed.A_prev.shape)]
    assert isinstance(layer, Upsample2D)
    factors = pair(layer.factor, layer.who, "factor")
    return [shares(n, f, layer.mode) for n, f in zip(passed.A_prev.shape[:2], factors, strict=True)]


def _mean(passed: Passed, at: At) -> Sum:
    y, x, c = at
    rows, columns = (
        [(p[i], s[i]) for p, s in axis if p[i] >= 0] for axis, i in zip(_axes(passed), (y, x), strict=True)
    )
    if isinstance(passed.layer, Pad2D) and not (rows and columns):
        return passed.sum("Z", at, passed.Z, "value", Factor("value", np.asarray(passed.layer.value)))
    return _sum(passed, "Z", at, passed.Z, "A_prev", passed.A_prev, rows, columns, c)


def _shared(passed: Passed, at: At) -> Sum:
    y, x, c = at
    rows, columns = (_reached(axis, i) for axis, i in zip(_axes(passed), (y, x), strict=True))
    return _sum(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, rows, columns, c)


def _reached(axis: list[tuple[np.ndarray, np.ndarray]], old: int) -> list[tuple[int, float]]:
    """The new pixels that an old one has a share in."""
    share = np.sum([np.where(pixels == old, own, 0.0) for pixels, own in axis], axis=0)
    return [(int(new), float(share[new])) for new in np.flatnonzero(share)]


def _sum(passed, array, at, values, name, source, rows, columns, c) -> Sum:
    """Σ source · share over these (place, share) of rows and columns."""
    if not (rows and columns):
        return _one(passed, array, at, values, name, source, (-1, -1, -1))
    places = np.array([[(i, j, c) for j, _ in columns] for i, _ in rows], int)
    products = np.array([[s * t for _, t in columns] for _, s in rows])
    left = Factor(name, source[tuple(np.moveaxis(places, -1, 0))], places)
    return passed.sum(array, at, values, f"Σ {name} · share", left, Factor("share", products))


UPSAMPLING = Tracer(_mean, _shared)


# The shortcut: a pixel is one, or none


def _taken(passed: Passed, at: At) -> Sum:
    y, x, c = at
    s_H, s_W = _stride(passed)
    return _one(passed, "Z", at, passed.Z, "A_prev", passed.A_prev, (y * s_H, x * s_W, c))


def _given(passed: Passed, at: At) -> Sum:
    y, x, c = at
    s_H, s_W = _stride(passed)
    place = (-1, -1, -1) if y % s_H or x % s_W else (y // s_H, x // s_W, c)
    return _one(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, place)


def _one(passed, array, at, values, name, source, place) -> Sum:
    """The value of `source` at `place`, or 0 where it has no such place."""
    there = all(0 <= p < n for p, n in zip(place, source.shape, strict=True))
    left = Factor(name, np.asarray(source[place] if there else 0.0), np.array(place))
    return passed.sum(array, at, values, name, left, inside=np.asarray(there))


def _stride(passed: Passed) -> tuple[int, int]:
    layer = passed.layer
    assert isinstance(layer, Shortcut)
    return pair(layer.stride, layer.who, "stride")


SHORTCUT = Tracer(_taken, _given)


# What only moves numbers


def _moved(passed: Passed, at: At) -> Sum:
    place = np.unravel_index(_places(passed)[at], passed.A_prev.shape)
    return _one(passed, "Z", at, passed.Z, "A_prev", passed.A_prev, tuple(map(int, place)))


def _moved_back(passed: Passed, at: At) -> Sum:
    found = np.argwhere(_places(passed) == np.ravel_multi_index(at, passed.A_prev.shape))
    place = tuple(map(int, found[0])) if len(found) else (-1, -1, -1)
    return _one(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, place)


def _places(passed: Passed) -> np.ndarray:
    """Where in the input, laid out flat, each number of the output stands: the layer moves these, too."""
    numbers = np.arange(passed.A_prev.size, dtype=np.float64).reshape(1, *passed.A_prev.shape)
    with engine.use("reference"):
        return passed.layer.forward(numbers)[0][0].astype(int)


MOVED = Tracer(_moved, _moved_back)

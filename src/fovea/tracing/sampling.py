"""Layers that resize, pad or move pixels, one value at a time: the old pixels behind a new one, and backward
the new ones behind an old one's gradient."""

import numpy as np

from fovea import engine
from fovea.geometry import pair
from fovea.layers import Pad2D, Resize2D, Shortcut, Upsample2D
from fovea.reference.upsample import shares
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _axes(passed: Passed) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """The tables of rows and columns, as in `fovea.reference.upsample`: pixels and their shares."""
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
    rows, columns = (_new_pixels(axis, i) for axis, i in zip(_axes(passed), (y, x), strict=True))
    return _sum(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, rows, columns, c)


def _new_pixels(axis: list[tuple[np.ndarray, np.ndarray]], old: int) -> list[tuple[int, float]]:
    """The new pixels that an old one contributes to, with its shares."""
    total = np.sum([np.where(pixels == old, shares, 0.0) for pixels, shares in axis], axis=0)
    return [(int(new), float(total[new])) for new in np.flatnonzero(total)]


def _sum(passed, array, at, values, name, source, rows, columns, c) -> Sum:
    """Σ source · share over these (position, share) of rows and columns."""
    if not (rows and columns):
        return _one(passed, array, at, values, name, source, (-1, -1, -1))
    positions = np.array([[(i, j, c) for j, _ in columns] for i, _ in rows], int)
    weights = np.array([[s * t for _, t in columns] for _, s in rows])
    left = Factor(name, source[tuple(np.moveaxis(positions, -1, 0))], positions)
    return passed.sum(array, at, values, f"Σ {name} · share", left, Factor("share", weights))


UPSAMPLING = Tracer(_mean, _shared)


# The shortcut: a pixel is a copy of one, or 0


def _shortcut(passed: Passed, at: At) -> Sum:
    y, x, c = at
    s_H, s_W = _stride(passed)
    return _one(passed, "Z", at, passed.Z, "A_prev", passed.A_prev, (y * s_H, x * s_W, c))


def _shortcut_input(passed: Passed, at: At) -> Sum:
    y, x, c = at
    s_H, s_W = _stride(passed)
    position = (-1, -1, -1) if y % s_H or x % s_W else (y // s_H, x // s_W, c)
    return _one(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, position)


def _one(passed, array, at, values, name, source, position) -> Sum:
    """The value of `source` at `position`, or 0 if that is outside."""
    inside = all(0 <= p < n for p, n in zip(position, source.shape, strict=True))
    left = Factor(name, np.asarray(source[position] if inside else 0.0), np.array(position))
    return passed.sum(array, at, values, name, left, inside=np.asarray(inside))


def _stride(passed: Passed) -> tuple[int, int]:
    layer = passed.layer
    assert isinstance(layer, Shortcut)
    return pair(layer.stride, layer.who, "stride")


SHORTCUT = Tracer(_shortcut, _shortcut_input)


# Layers that only move values


def _moved(passed: Passed, at: At) -> Sum:
    position = np.unravel_index(_sources(passed)[at], passed.A_prev.shape)
    return _one(passed, "Z", at, passed.Z, "A_prev", passed.A_prev, tuple(map(int, position)))


def _moved_back(passed: Passed, at: At) -> Sum:
    outputs = np.argwhere(_sources(passed) == np.ravel_multi_index(at, passed.A_prev.shape))
    position = tuple(map(int, outputs[0])) if len(outputs) else (-1, -1, -1)
    return _one(passed, "dA_prev", at, passed.dA_prev, "dZ", passed.dZ, position)


def _sources(passed: Passed) -> np.ndarray:
    """The flat index of each output value in the input, found by running the layer on the indices."""
    numbers = np.arange(passed.A_prev.size, dtype=np.float64).reshape(1, *passed.A_prev.shape)
    with engine.use("reference"):
        return passed.layer.forward(numbers)[0][0].astype(int)


MOVED = Tracer(_moved, _moved_back)

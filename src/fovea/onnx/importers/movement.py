"""Operators that only move data, applied to places by the same functions as to data."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto

from fovea.errors import ShapeError, mismatch
from fovea.layers import Channels, Pad2D, Shortcut
from fovea.onnx.bounds import Room
from fovea.onnx.building import Builder, Value
from fovea.onnx.graph import FLOATS
from fovea.onnx.layouts import Pads
from fovea.onnx.operators import run

CHEAP = 8  # places that are moved in the time of computing one number
# ONNX's mode → Pad2D's
BORDERS = {"constant": "constant", "reflect": "mirror", "edge": "nearest", "wrap": "wrap"}


def moves(b: Builder, x, *constants, **attributes):
    """Any operator that only moves data. Pixels of all pictures may be merged before a dense layer on each
    pixel, and are separated again after it."""
    merged = x.merged if isinstance(x, Value) else None
    value = b.settled(x) if merged is None else x
    size, N = prod(value.shape), b.batch
    b.room.take(N * size // CHEAP)
    pictures = np.arange(N).reshape(N, *(1,) * len(value.tensor_shape)) * size + value.places
    values, inputs = [], [pictures if merged is None else merged, *constants]
    for moved in run(b.step, inputs, b.graph.opset, Room(b.room.left)):
        first = moved[0] if moved.ndim > 1 and len(moved) == N else None
        if first is None or any((moved[n] != first + n * size).any() for n in range(N)):
            values.append(replace(value, merged=moved))
        else:
            values.append(b.moved(value, first))
    return tuple(values)


def pad(
    b: Builder,
    x,
    sides: Any = None,
    fill: Any = None,
    axes: Any = None,
    *,
    pads=None,
    mode="constant",
    **more,
):
    """Padding: zeros, and mirrored pictures, are kept for the next convolution to fuse; any other padding is
    a layer."""
    value = b.value(x)
    sides = [int(n) for n in (sides if pads is None else pads)]
    axes = range(len(value.tensor_shape) + 1) if axes is None else [int(axis) for axis in axes]
    around = {axis % 4: (sides[p], sides[p + len(sides) // 2]) for p, axis in enumerate(axes)}
    fill = float(more.get("value", 0) if fill is None else fill)
    if not any(sides):
        return value
    value = value if value.moved is None else b.pictures(value)
    value = b.settled(value) if value.mirror else value
    zeros = mode == "constant" and fill == 0 and min(sides) >= 0
    if zeros and len(value.shape) == 3 and all((s != (0, 0)) == (axis == 1) for axis, s in around.items()):
        return _pad_channels(b, b.pictures(value), *around[1])
    if len(value.shape) != 3 or any(around.get(axis, (0, 0)) != (0, 0) for axis in (0, 1)):
        raise ShapeError(mismatch("its padding", "rows and columns of pictures", sides))
    added = (*around.get(2, (0, 0)), *around.get(3, (0, 0)))
    if not zeros:
        return _pad_borders(b, b.pictures(value), added, mode, fill)
    top, bottom, left, right = (one + more for one, more in zip(value.pads, added, strict=True))
    return replace(value, pads=(top, bottom, left, right))


def _pad_borders(b: Builder, value: Value, added: Pads, mode: str, fill: float) -> Value:
    """Padding of rows and columns, other than zero padding."""
    if mode not in BORDERS:
        raise ShapeError(mismatch("its mode", ", ".join(BORDERS), mode))
    height, width = value.shape[:2]
    reach = {"reflect": (height - 1, width - 1), "wrap": (height, width)}.get(mode)
    if reach is not None and (max(added[:2]) > reach[0] or max(added[2:]) > reach[1]):
        raise ShapeError(mismatch("its padding", f"at most {reach[0]} rows and {reach[1]} columns", added))
    if mode == "reflect" and min(added) >= 0:
        return replace(value, pads=added, mirror=True)
    return b.padded(Pad2D(added, BORDERS[mode], fill if mode == "constant" else 0.0), value)


def _pad_channels(b: Builder, value: Value, before: int, after: int) -> Value:
    """Zero padding along the channel axis."""
    if before:
        C = value.shape[2]
        b.room.take(before + C + after)
        padded = _pad_channels(b, value, 0, before + after)
        return b.add(
            Channels((*range(C, C + before), *range(C), *range(C + before, C + before + after))), padded
        )
    layer, (H, W, C) = b.layers.get(value.layer), value.shape
    if isinstance(layer, Shortcut) and value.alone:
        layer.channels = C + after
        return replace(value, shape=(H, W, C + after))
    return b.add(Shortcut(C + after), value)


def unchanged(b: Builder, x):
    return b.value(x)


def cast(b: Builder, x, *, to, **rounding):
    """Conversions between precisions are removed; everything is float32 here."""
    if to not in FLOATS:
        raise ShapeError(
            mismatch("its type", "float, float16, bfloat16 or double", TensorProto.DataType.Name(to))
        )
    return b.value(x)


def dropout(b: Builder, x, ratio_in: Any = None, training: Any = None, *, ratio=None, seed=None):
    if training is not None and (isinstance(training, Value) or np.any(training)):
        raise ShapeError(mismatch("training_mode", "false, as a model for inference has it", "true"))
    return b.value(x)

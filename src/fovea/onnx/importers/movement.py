"""What only moves data: places are moved, by the functions that move data."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto

from fovea.errors import ShapeError, mismatch
from fovea.layers import Shortcut
from fovea.onnx.bounds import Room
from fovea.onnx.building import Builder, Value
from fovea.onnx.graph import FLOATS
from fovea.onnx.operators import run

CHEAP = 16  # places that are moved as fast as a number is computed


def moves(b: Builder, x, *constants, **attributes):
    """Any operator that only moves data."""
    value = b.settled(x)
    size, N = prod(value.shape), b.batch
    b.room.take(N * size // CHEAP)
    pictures = np.arange(N).reshape(N, *(1,) * len(value.tensor_shape)) * size + value.places
    found = []
    for moved in run(b.step, [pictures, *constants], b.graph.opset, Room(b.room.left)):
        own = moved[0] if moved.ndim > 1 and len(moved) == N else None
        if own is None or any((moved[n] != own + n * size).any() for n in range(N)):
            raise ShapeError(mismatch("its output", "every picture for itself, (N, …)", moved.shape))
        found.append(b.moved(value, own))
    return tuple(found)


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
    """Zeros around pictures wait for the convolution that takes them in."""
    value = b.value(x)
    sides = [int(n) for n in (sides if pads is None else pads)]
    axes = range(len(value.tensor_shape) + 1) if axes is None else [int(axis) for axis in axes]
    around = {axis % 4: (sides[p], sides[p + len(sides) // 2]) for p, axis in enumerate(axes)}
    fill = float(more.get("value", 0) if fill is None else fill)
    if not any(sides):
        return value
    if mode != "constant" or fill != 0 or min(sides) < 0:
        got = f"{mode} {fill:g}, {sides}" if mode == "constant" else mode
        raise ShapeError(mismatch("its padding", "zeros around", got))
    value = value if value.moved is None else b.pictures(value)
    if len(value.shape) == 3 and all((sides != (0, 0)) == (axis == 1) for axis, sides in around.items()):
        return _deeper(b, b.pictures(value), *around[1])
    if len(value.shape) != 3 or any(around.get(axis, (0, 0)) != (0, 0) for axis in (0, 1)):
        raise ShapeError(mismatch("its padding", "rows and columns of pictures", sides))
    added = (*around.get(2, (0, 0)), *around.get(3, (0, 0)))
    top, bottom, left, right = (one + more for one, more in zip(value.pads, added, strict=True))
    return replace(value, pads=(top, bottom, left, right))


def _deeper(b: Builder, value: Value, before: int, after: int) -> Value:
    """Channels of zeros behind those of pictures."""
    if before:
        raise ShapeError(
            mismatch("its padding", "channels of zeros behind the others", f"{before} before them")
        )
    layer, (H, W, C) = b.layers.get(value.layer), value.shape
    if isinstance(layer, Shortcut) and value.alone:
        layer.channels = C + after
        return replace(value, shape=(H, W, C + after))
    return b.add(Shortcut(C + after), value)


def unchanged(b: Builder, x):
    return b.value(x)


def cast(b: Builder, x, *, to, **rounding):
    """Conversions between precisions are gone; all is float32 here."""
    if to not in FLOATS:
        raise ShapeError(
            mismatch("its type", "float, float16, bfloat16 or double", TensorProto.DataType.Name(to))
        )
    return b.value(x)


def dropout(b: Builder, x, ratio_in: Any = None, training: Any = None, *, ratio=None, seed=None):
    if training is not None and (isinstance(training, Value) or np.any(training)):
        raise ShapeError(mismatch("training_mode", "false, as a model for inference has it", "true"))
    return b.value(x)

"""Convolutions and pooling as layers."""

from typing import Any

import numpy as np

from fovea import engine
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Padding, Window
from fovea.geometry.sampling import RESIZING
from fovea.layers import (
    AveragePool2D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    MaxPool2D,
    Resize2D,
    Upsample2D,
)
from fovea.onnx.building import Builder, Value
from fovea.onnx.layouts import Pads, filters_here
from fovea.onnx.operators import run
from fovea.onnx.operators.spatial import window


def conv(
    b: Builder, x, w, bias=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET",
    kernel_shape=None,
):  # fmt: skip
    W, bias = _filters(b.numbers(w, 1)), _bias(b, bias)
    value = b.value(x)
    if len(value.shape) == 1 and value.tensor_shape == (value.shape[0], 1, 1):  # after global pooling
        return _dense(b, value, W, bias, group)
    value = value if value.moved is None else b.pictures(value)
    H, width = value.tensor_shape[1:]
    geometry = window((H, width), w.shape[2:], strides, dilations, pads, auto_pad)
    if value.mirror and any(geometry["padding"]):  # zeros around mirrored pictures
        value = b.settled(value)
    sides = tuple(one + other for one, other in zip(geometry["padding"], value.pads, strict=True))
    layer = Conv2D(
        W.shape[3], W.shape[:2], geometry["stride"], _short(sides), bias=bool(bias),
        dilation=geometry["dilation"], groups=group, padding_mode="mirror" if value.mirror else "zeros",
    )  # fmt: skip
    return b.add(layer, value, W=W, **bias)


def conv_transpose(
    b: Builder, x, w, bias=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET",
    kernel_shape=None, output_padding=(0, 0), output_shape=None,
):  # fmt: skip
    if auto_pad not in ("NOTSET", "VALID") or output_shape is not None:
        got = f"auto_pad {auto_pad} and output_shape {output_shape}"
        raise ShapeError(mismatch("its padding", "numbers in pads", got))
    W, bias = _filters(b.numbers(w, 1)), _bias(b, bias)
    value = b.pictures(x)
    geometry = window(value.shape[:2], w.shape[2:], strides, dilations, pads, auto_pad)
    layer = ConvTranspose2D(
        W.shape[2] * group, W.shape[:2], geometry["stride"], _short(geometry["padding"]), bias=bool(bias),
        output_padding=tuple(output_padding), dilation=geometry["dilation"], groups=group,
    )  # fmt: skip
    return b.add(layer, value, W=W, **bias)


def max_pool(b: Builder, x, *, storage_order=0, **geometry):
    if len([name for name in b.step.outputs if name]) > 1:
        raise ShapeError(mismatch("its outputs", "the maxima alone", "their indices as well"))
    return _pool(b, x, MaxPool2D, **geometry)


def average_pool(b: Builder, x, *, count_include_pad=0, **geometry):
    return _pool(b, x, AveragePool2D, {"count_include_pad": bool(count_include_pad)}, **geometry)


def resize(b: Builder, x, *constants, **attributes):
    """Resizing, which has many variants: the operator's result for a sample picture decides if a layer
    computes it."""
    value = b.pictures(x)
    H, W, C = value.shape
    picture = np.random.default_rng(0).random((1, H, W, 1), np.float32)
    pictures = np.broadcast_to(picture[..., 0], (b.batch, C, H, W))
    (resized,) = run(b.step, [pictures, *constants], b.graph.opset, b.room)
    height, width = resized.shape[2:]
    if resized.shape[:2] == (b.batch, C):
        whole = (height % H, width % W) == (0, 0)
        layers = [Upsample2D((height // H, width // W), mode) for mode in RESIZING] if whole else []
        layers += [Resize2D((height, width), mode) for mode in RESIZING]
        for layer in (*layers, Resize2D((height, width), "bilinear", align_corners=True)):
            with engine.use("reference"):
                equal = np.allclose(layer.forward(picture)[0][0, :, :, 0], resized[0, 0], atol=1e-5)
            if equal:
                return b.add(layer, value)
    expected = "nearest or bilinear as in PyTorch, with corners aligned or not"
    raise ShapeError(mismatch("its interpolation", expected, f"another, {H}×{W} to {height}×{width}"))


def _pool(
    b: Builder, x, kind: type, more: dict[str, Any] | None = None, *, kernel_shape, strides=None, pads=None,
    dilations=None, auto_pad="NOTSET", ceil_mode=0,
):  # fmt: skip
    value = b.pictures(x)
    geometry = window(value.shape[:2], kernel_shape, strides, dilations, pads, auto_pad)
    geometry["padding"] = _short(geometry["padding"])
    beyond = Window.of(value.shape[:2], kernel_shape, **geometry, ceil_mode=bool(ceil_mode)).beyond
    height, width = kernel_shape
    return b.add(kind((height, width), **geometry, ceil_mode=beyond != (0, 0), **(more or {})), value)


def _dense(b: Builder, value: Value, W: np.ndarray, bias: dict[str, np.ndarray], group: int) -> Value:
    if W.shape[:2] != (1, 1) or group != 1:
        raise ShapeError(mismatch("its filters", "1×1 in one group after global pooling", W.shape))
    dense = b.add(Dense(W.shape[3], bias=bool(bias)), value, W=W[0, 0], **bias)
    return b.moved(dense, dense.places.reshape(-1, 1, 1))


def _filters(w: np.ndarray) -> np.ndarray:
    if w.ndim != 4:
        raise ShapeError(mismatch("its filters", "four axes", w.shape, "Fovea convolves pictures"))
    return filters_here(w)


def _bias(b: Builder, bias: Any) -> dict[str, np.ndarray]:
    return {} if bias is None else {"b": b.numbers(bias, 2)}


def _short(sides: tuple[int, ...] | Pads) -> Padding:
    """Padding in its shortest form: one number if all sides are equal."""
    return (sides[0] or "valid") if len(set(sides)) == 1 else sides

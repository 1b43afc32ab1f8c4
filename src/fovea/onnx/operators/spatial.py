"""Operators that look at pictures (N, C, H, W) through windows, by the current engine's kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair
from fovea.onnx.layouts import channels_first, channels_last, filters_here, pads_here, same_pads


def window(
    input: Sequence[int],
    size: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str,
) -> dict[str, Any]:
    """The keywords stride, padding and dilation for an operator's attributes, with a window of `size` on
    pictures of `input` = (H, W). Raises ShapeError unless both have two axes."""
    if len(size) != 2 or len(input) != 2:
        raise ShapeError(mismatch("window", "pictures (N, C, H, W)", f"a window of {len(size)} axes"))
    stride, dilation = _pair(strides), _pair(dilations)
    sides = pads_here(pads) if pads and auto_pad == "NOTSET" else (0, 0, 0, 0)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        sides = same_pads(_pair(input), _pair(size), stride, dilation, odd_first=auto_pad == "SAME_LOWER")
    return {"stride": stride, "padding": sides, "dilation": dilation}


def conv(
    x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET", kernel_shape=None
):
    geometry = window(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
    return channels_first(functional.conv2d(channels_last(x), filters_here(w), b, **geometry, groups=group))


def conv_transpose(
    x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET", kernel_shape=None,
    output_padding=(0, 0), output_shape=None,
):  # fmt: skip
    geometry = window(x.shape[2:], w.shape[2:], strides, dilations, pads, "NOTSET")
    if output_shape is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        output_shape = [n * s for n, s in zip(x.shape[2:], geometry["stride"], strict=True)]
    if output_shape is not None:
        moves = zip(
            x.shape[2:], w.shape[2:], geometry["stride"], geometry["dilation"], output_padding, strict=True
        )
        whole = [(n - 1) * s + (f - 1) * d + 1 + more for n, f, s, d, more in moves]  # without padding
        cut = [n - length for n, length in zip(whole, output_shape[-2:], strict=True)]
        output_padding = [more - min(n, 0) for more, n in zip(output_padding, cut, strict=True)]
        less, more = [max(n, 0) // 2 for n in cut], [max(n, 0) - max(n, 0) // 2 for n in cut]
        (top, left), (bottom, right) = (less, more) if auto_pad == "SAME_UPPER" else (more, less)
        geometry["padding"] = (top, bottom, left, right)
    Z = functional.conv2d_transpose(
        channels_last(x), filters_here(w), b, **geometry, output_padding=tuple(output_padding), groups=group
    )
    return channels_first(Z)


def max_pool(
    x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
    storage_order=0, outputs=1,
):  # fmt: skip
    geometry = window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    X, geometry = channels_last(x), {**geometry, "ceil_mode": bool(ceil_mode)}
    maximum = channels_first(functional.max_pool2d(X, kernel_shape, **geometry))
    if outputs == 1:
        return maximum
    (N, C, H, W), places = x.shape, channels_first(functional.max_pool2d_indices(X, kernel_shape, **geometry))
    places = places % W * H + places // W if storage_order else places  # column by column
    return maximum, np.arange(N * C, dtype=np.int64).reshape(N, C, 1, 1) * (H * W) + places


def average_pool(
    x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
    count_include_pad=0,
):  # fmt: skip
    geometry = window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    counts = {"ceil_mode": bool(ceil_mode), "count_include_pad": bool(count_include_pad)}
    return channels_first(functional.average_pool2d(channels_last(x), kernel_shape, **geometry, **counts))


def global_average_pool(x):
    return channels_first(functional.average_pool2d(channels_last(x), x.shape[2:]))


def global_max_pool(x):
    return channels_first(functional.max_pool2d(channels_last(x), x.shape[2:]))


def _pair(values: Sequence[int] | None) -> Pair:
    height, width = values or (1, 1)
    return height, width

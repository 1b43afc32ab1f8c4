"""Operators that look at pictures through windows, on (N, C, H, W), by the current engine's kernels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair
from fovea.onnx.layouts import Pads, channels_first, channels_last, filters_here, pads_here, same_pads

NONE = (0, 0, 0, 0)


@dataclass(frozen=True)
class Windows:
    """A window of `size` on pictures of `input` = (H, W), as the attributes of an operator say."""

    input: Pair
    size: Pair
    stride: Pair
    dilation: Pair
    pads: Pads
    ceil_mode: bool = False

    @classmethod
    def of(
        cls,
        input: Pair,
        size: Sequence[int],
        strides: Sequence[int] | None,
        dilations: Sequence[int] | None,
        pads: Sequence[int] | None,
        auto_pad: str = "NOTSET",
        ceil_mode: int = 0,
    ) -> "Windows":
        size, stride = _pair(size), _pair(strides or (1, 1))
        dilation = _pair(dilations or (1, 1))
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            sides = same_pads(input, size, stride, dilation, odd_first=auto_pad == "SAME_LOWER")
        else:
            sides = pads_here(pads) if pads and auto_pad == "NOTSET" else NONE
        return cls(input, size, stride, dilation, sides, bool(ceil_mode))

    @property
    def output(self) -> Pair:
        """With `ceil_mode`, a last window that leaves the picture counts, if it begins on it or before it."""
        rows, columns = (
            self._positions(axis, self.pads[2 * axis], self.pads[2 * axis + 1]) for axis in (0, 1)
        )
        return rows, columns

    def _positions(self, axis: int, before: int, after: int) -> int:
        n, s = self.input[axis], self.stride[axis]
        free = n + before + after - (self.size[axis] - 1) * self.dilation[axis] - 1
        if not self.ceil_mode:
            return free // s + 1
        count = -(-free // s) + 1
        return count - ((count - 1) * s >= n + before)

    @property
    def plain(self) -> bool:
        """Whether every window lies within the padded picture, and sees some of the picture."""
        fits = max(self.pads[:2]) < self.size[0] and max(self.pads[2:]) < self.size[1]
        floor = Windows(self.input, self.size, self.stride, self.dilation, self.pads)
        return fits and self.dilation == (1, 1) and self.output == floor.output

    def indices(self, axis: int) -> np.ndarray:
        """(positions, size): which row or column each element of each window sees."""
        starts = np.arange(self.output[axis]) * self.stride[axis] - self.pads[2 * axis]
        return starts[:, None] + np.arange(self.size[axis]) * self.dilation[axis]

    def apart(self, x: np.ndarray, beyond: float) -> np.ndarray:
        """x (N, H, W, C) with every window laid out by itself: (N, n_H·f_H, n_W·f_W, C); `beyond` where a
        window sees none of the picture."""
        for axis in (0, 1):
            at = self.indices(axis).reshape(-1)
            inside = (at >= 0) & (at < self.input[axis])
            x = x.take(np.where(inside, at, 0), axis=axis + 1)
            x[(slice(None),) * (axis + 1) + (~inside,)] = beyond
        return x

    def counts(self, count_include_pad: bool) -> np.ndarray:
        """(n_H, n_W): how many elements each window's average is over."""
        along = []
        for axis in (0, 1):
            at, n = self.indices(axis), self.input[axis]
            before, after = self.pads[2 * axis : 2 * axis + 2] if count_include_pad else (0, 0)
            along.append(((at >= -before) & (at < n + after)).sum(axis=1))
        return np.multiply.outer(*along)


def conv(
    x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET", kernel_shape=None
):
    W = filters_here(w)
    windows = Windows.of(x.shape[2:], W.shape[:2], strides, dilations, pads, auto_pad)
    W = _spread(W, windows.dilation)
    how = {"stride": windows.stride, "padding": windows.pads}
    parts = zip(np.split(channels_last(x), group, axis=3), np.split(W, group, axis=3), strict=True)
    Z = np.concatenate([functional.conv2d(part, own, None, **how) for part, own in parts], axis=3)
    return channels_first(Z if b is None else Z + b)


def conv_transpose(
    x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET", kernel_shape=None,
    output_padding=(0, 0), output_shape=None,
):  # fmt: skip
    """The gradient by its input of the convolution that has the same filters."""
    W = filters_here(w)
    stride, dilation = _pair(strides or (1, 1)), _pair(dilations or (1, 1))
    whole = [
        (n - 1) * s + (f - 1) * d + 1 + more
        for n, s, f, d, more in zip(x.shape[2:], stride, W.shape[:2], dilation, output_padding, strict=True)
    ]  # without padding
    sides = pads_here(pads) if pads else NONE
    if output_shape is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        output_shape = [n * s for n, s in zip(x.shape[2:], stride, strict=True)]
    if output_shape is not None:
        wanted = output_shape[-2:]
        whole = [max(n, length) for n, length in zip(whole, wanted, strict=True)]
        sides = _sides(whole, wanted, odd_first=auto_pad != "SAME_UPPER")
    W = _spread(W, dilation)
    top, bottom, left, right = sides
    (N, H, width), K = (len(x), *whole), W.shape[2]
    # The forward pass only says which shape the gradient has; its padding may be any, so that it stays whole.
    parts = zip(np.split(channels_last(x), group, axis=3), np.split(W, group, axis=3), strict=True)
    like = np.zeros((N, H, width, K), np.float32)
    Z = [functional.conv2d_backward(part, like, own, stride=stride)[0] for part, own in parts]
    Z = np.concatenate(Z, axis=3)[:, top : H - bottom, left : width - right]
    return channels_first(Z if b is None else Z + b)


def max_pool(
    x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
    storage_order=0, outputs=1,
):  # fmt: skip
    windows = Windows.of(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    X, how = channels_last(x), {"stride": windows.stride, "padding": windows.pads}
    if not windows.plain:
        X, how = windows.apart(X, -np.inf), {}
    maximum = channels_first(functional.max_pool2d(X, windows.size, **how))
    return (maximum, _winners(x, windows, bool(storage_order))) if outputs > 1 else maximum


def average_pool(
    x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
    count_include_pad=0,
):  # fmt: skip
    windows = Windows.of(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    X, count = channels_last(x), bool(count_include_pad)
    if windows.plain:
        how = {"stride": windows.stride, "padding": windows.pads, "count_include_pad": count}
        return channels_first(functional.average_pool2d(X, windows.size, **how))
    means = channels_first(functional.average_pool2d(windows.apart(X, 0.0), windows.size))
    return means * (np.prod(windows.size) / windows.counts(count)).astype(np.float32)


def global_average_pool(x):
    return channels_first(functional.average_pool2d(channels_last(x), x.shape[2:]))


def global_max_pool(x):
    return channels_first(functional.max_pool2d(channels_last(x), x.shape[2:]))


def _winners(x: np.ndarray, windows: Windows, columns_first: bool) -> np.ndarray:
    """Where each maximum stands in x laid out flat, int64 (N, C, n_H, n_W), with ONNX's two orders."""
    (N, C, H, W), (n_H, n_W), (f_H, f_W) = x.shape, windows.output, windows.size
    apart = windows.apart(channels_last(x), -np.inf).reshape(N, n_H, f_H, n_W, f_W, C)
    best = apart.transpose(0, 5, 1, 3, 2, 4).reshape(N, C, n_H, n_W, f_H * f_W).argmax(axis=-1)
    rows = windows.indices(0)[np.arange(n_H)[:, None], best // f_W]
    columns = windows.indices(1)[np.arange(n_W), best % f_W]
    picture = np.arange(N * C).reshape(N, C, 1, 1) * (H * W)
    return (picture + (columns * H + rows if columns_first else rows * W + columns)).astype(np.int64)


def _sides(whole: Sequence[int], wanted: Sequence[int], *, odd_first: bool) -> Pads:
    sides: list[int] = []
    for n, length in zip(whole, wanted, strict=True):
        less = (n - length) // 2
        sides += [n - length - less, less] if odd_first else [less, n - length - less]
    top, bottom, left, right = sides
    return top, bottom, left, right


def _spread(W: np.ndarray, dilation: Pair) -> np.ndarray:
    """Filters with zeros between their numbers, where they are dilated."""
    if dilation == (1, 1):
        return W
    (f_H, f_W), (d_H, d_W) = W.shape[:2], dilation
    spread = np.zeros(((f_H - 1) * d_H + 1, (f_W - 1) * d_W + 1, *W.shape[2:]), W.dtype)
    spread[::d_H, ::d_W] = W
    return spread


def _pair(values: Sequence[int]) -> Pair:
    if len(values) != 2:
        raise ShapeError(mismatch("window", "pictures (N, C, H, W)", f"a window of {len(values)} axes"))
    return values[0], values[1]

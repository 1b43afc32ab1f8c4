"""Maximum and average pooling, channel by channel.

    a_slice(i, j)[n, h, w, c] = A_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W, c], pixel (i, j) of every window

    max:      A = max_ij a_slice(i, j)                                                               (1)
              da_slice(i, j) += dA, for the first (i, j) that holds the maximum                      (2)
    average:  A = Σ_ij a_slice(i, j) / count                                                         (3)
              da_slice(i, j) += dA / count, for all i, j                                             (4)

For the maximum, padding is −∞; of equal pixels, the first in the window's row-major order wins, and a NaN is
larger than everything. For the average, count is the number of the window's pixels inside the picture, or
with `count_include_pad` of all, including padding; pixels that ceil mode adds beyond the padding never count.
da_slice(i, j) is the same slice of dA_prev_pad.

N examples, H rows, W columns, C channels; f_H × f_W the window, (i, j) a position in it; n_H × n_W the
output; s_H, s_W the strides, by default the window's size; d_H, d_W the dilations.
"""

from collections.abc import Iterator

import numpy as np

from fovea import arguments
from fovea.arguments import Volume
from fovea.geometry import Padding, Pair, Window
from fovea.reference.quiet import quietly
from fovea.reference.windows import pad, positions, unpad


def max_pool2d(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """The maximum of every window, A (N, n_H, n_W, C); `stride` is the window's size by default.

    Padding counts as −∞, and every window contains at least one pixel; a NaN in a window is its maximum. With
    `ceil_mode` there is a last window that does not fit, if it starts in the picture or in the padding before
    it.
    """
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, who="max_pool2d")
    return _maximum(pad(A_prev, window, -np.inf), window)


@quietly
def max_pool2d_backward(
    dA: Volume,
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """dA_prev (N, H, W, C): dA (N, n_H, n_W, C) goes to the first of each window's largest pixels."""
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, "max_pool2d_backward", dA=dA)
    dA_prev_pad = np.zeros_like(pad(A_prev, window))
    for _, _, pixels, first in _winners(A_prev, window):
        dA_prev_pad[pixels] += np.where(first, dA, 0)  # (2)
    return np.ascontiguousarray(unpad(dA_prev_pad, window))


@quietly
def max_pool2d_indices(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """The position of each window's maximum, int32 (N, n_H, n_W, C): row · W + column of the first of its
    largest pixels."""
    window = arguments.pool(A_prev, size, stride, padding, dilation, ceil_mode, who="max_pool2d_indices")
    rows, columns = np.indices(window.input)
    flat_indices = pad((rows * window.input[1] + columns)[None, :, :, None].astype(np.int32), window)
    indices = np.zeros((len(A_prev), *window.output, A_prev.shape[3]), np.int32)
    for _, _, pixels, first in _winners(A_prev, window):
        indices += np.where(first, flat_indices[pixels], 0)
    return indices


def _maximum(A_prev_pad: Volume, window: Window) -> Volume:
    A = np.full((len(A_prev_pad), *window.output, A_prev_pad.shape[3]), -np.inf, A_prev_pad.dtype)
    for _, _, pixels in positions(window):
        np.maximum(A, A_prev_pad[pixels], out=A)  # (1)
    return A


def _winners(A_prev: Volume, window: Window) -> Iterator[tuple]:
    """As `positions`, with a mask (N, n_H, n_W, C) of the windows that have their first maximum there."""
    A_prev_pad = pad(A_prev, window, -np.inf)
    A = _maximum(A_prev_pad, window)
    counted = pad(
        np.ones((1, *window.input, 1), bool), window
    )  # in a window of only −∞, padding must not win
    open_windows = np.ones(A.shape, bool)  # the windows whose maximum has not been reached
    for i, j, pixels in positions(window):
        a_slice = A_prev_pad[pixels]  # (N, n_H, n_W, C)
        first = open_windows & counted[pixels] & ((a_slice == A) | np.isnan(a_slice))
        open_windows &= ~first
        yield i, j, pixels, first


@quietly
def average_pool2d(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Volume:
    """The average of every window, A (N, n_H, n_W, C); `stride` is the window's size by default.

    It is over the window's pixels inside the picture, or with `count_include_pad` over all, with zeros as
    padding; the part of a window of `ceil_mode` beyond the padding never counts.
    """
    window = arguments.pool(
        A_prev, size, stride, padding, dilation, ceil_mode, "average_pool2d", count_include_pad
    )
    A_prev_pad = pad(A_prev, window)
    A = np.zeros((len(A_prev), *window.output, A_prev.shape[3]), A_prev.dtype)
    for _, _, pixels in positions(window):
        A += A_prev_pad[pixels]  # (3)
    A /= _count(window, A.dtype, count_include_pad)  # (3)
    return A


@quietly
def average_pool2d_backward(
    dA: Volume,
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Volume:
    """dA_prev (N, H, W, C): every averaged pixel gets its share of dA (N, n_H, n_W, C)."""
    who = "average_pool2d_backward"
    geometry = size, stride, padding, dilation, ceil_mode
    window = arguments.pool(A_prev, *geometry, who, count_include_pad, dA=dA)
    dA_prev_pad = np.zeros_like(pad(A_prev, window))
    share = dA / _count(window, dA.dtype, count_include_pad)
    for _, _, pixels in positions(window):
        dA_prev_pad[pixels] += share  # (4)
    return np.ascontiguousarray(unpad(dA_prev_pad, window))


def _count(window: Window, dtype: np.dtype, count_include_pad: bool) -> Volume:
    """The divisor of each window, (1, n_H, n_W, 1)."""
    counted = pad(np.ones((1, *window.input, 1), dtype), window, float(count_include_pad))
    counted[:, counted.shape[1] - window.beyond[0] :] = 0
    counted[:, :, counted.shape[2] - window.beyond[1] :] = 0
    return sum((counted[pixels] for _, _, pixels in positions(window)), start=np.zeros((), dtype))

"""Pooling."""

from fovea.arguments import Volume
from fovea.functional.engines import operations
from fovea.geometry import Padding, Pair


def max_pool2d(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """The maximum of every window, A (N, n_H, n_W, C); `stride` is the window's size unless given.

    Padding counts as −∞, and every window sees at least one pixel; a NaN in a window is its maximum. In
    `ceil_mode` a last window that does not fit is there, too, if it begins in the picture or its padding
    before.
    """
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").max_pool2d(A_prev, size, **how)


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
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").max_pool2d_backward(dA, A_prev, size, **how)


def max_pool2d_indices(
    A_prev: Volume,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
) -> Volume:
    """Where each window's maximum is, int32 (N, n_H, n_W, C): row · W + column of the first of its largest
    pixels."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").max_pool2d_indices(A_prev, size, **how)


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
    """The average of every window, A (N, n_H, n_W, C); `stride` is the window's size unless given.

    It is over the window's pixels in the picture, or with `count_include_pad` over all, padding being zero;
    what a window of `ceil_mode` covers beyond the padding never counts.
    """
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").average_pool2d(A_prev, size, **how, count_include_pad=count_include_pad)


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
    """dA_prev (N, H, W, C): every pixel that was averaged gets its share of dA (N, n_H, n_W, C)."""
    how = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return operations("pool").average_pool2d_backward(
        dA, A_prev, size, **how, count_include_pad=count_include_pad
    )

"""Pooling."""

from fovea.arguments.arrays import Volume, floats, shape_of, volume
from fovea.arguments.scalars import truth
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Padding, Pair, Window


def pool(
    A_prev: Volume,
    size: int | Pair,
    stride: int | Pair | None = None,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    who: str = "pool",
    count_include_pad: bool = False,
    **gradient: Volume,
) -> Window:
    """A_prev (N, H, W, C); `gradient` dA (N, n_H, n_W, C) of the output's shape, in the backward pass; no
    `stride` means `size`.

    A window over nothing but padding has neither a maximum nor an average, and is an error.
    """
    floats(who, A_prev=A_prev, **gradient)
    truth(count_include_pad, f"{who}: count_include_pad")
    volume(who, "A_prev", A_prev, "C")
    window = pooled(A_prev.shape[1:3], size, stride, padding, dilation, ceil_mode, who)
    for name, dA in gradient.items():
        shape = (len(A_prev), *window.output, A_prev.shape[3])
        shape_of(who, name, dA, shape, f"{name} has the shape of the pool's output")
    return window


def pooled(
    input: Pair,
    size: int | Pair,
    stride: int | Pair | None,
    padding: Padding,
    dilation: int | Pair,
    ceil_mode: bool,
    who: str,
) -> Window:
    """The window of a pool over (height, width) pixels. Raises ShapeError."""
    ceil_mode = truth(ceil_mode, f"{who}: ceil_mode")
    stride = size if stride is None else stride
    window = Window.of(input, size, stride, padding, who, dilation=dilation, ceil_mode=ceil_mode)
    (f_H, f_W), (top, bottom, left, right), (more_H, more_W) = window.size, window.pads, window.beyond
    pads, spacing = (top, bottom - more_H, left, right - more_W), ""
    if max(pads[:2]) >= window.extent[0] or max(pads[2:]) >= window.extent[1] or window.blind:
        if window.dilation != (1, 1):
            spacing = f", its pixels {window.dilation[0]}×{window.dilation[1]} apart"
        raise ShapeError(
            mismatch(who, f"a padding smaller than the window of {f_H}×{f_W}{spacing}", pads,
                     "a window must see at least one pixel")
        )  # fmt: skip
    return window

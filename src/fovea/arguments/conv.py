"""Convolution."""

import numpy as np

from fovea.arguments.arrays import Filters, Vector, Volume, floats, given, shape_of, volume
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Padding, Pair, Window


def conv2d(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    who: str = "conv2d",
) -> Window:
    """A_prev (N, H, W, C_in), W (f_H, f_W, C_in / groups, C_out), b (C_out,) or None."""
    floats(who, W=W, A_prev=A_prev, **given(b=b))
    shape_of(who, "W", W, ("f_H", "f_W", "C_in" if groups == 1 else "C_in / groups", "C_out"),
           "filters have four axes")  # fmt: skip
    in_groups(who, groups, C_out=W.shape[3])
    volume(who, "A_prev", A_prev, W.shape[2] * groups, W, groups)
    if b is not None:
        shape_of(who, "b", b, W.shape[3:], "one bias for each filter")
    return Window.of(
        A_prev.shape[1:3], W.shape[:2], stride, padding, who, dilation=dilation, padding_mode=padding_mode
    )


def conv2d_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    who: str = "conv2d_backward",
) -> Window:
    """As `conv2d`, and dZ (N, n_H, n_W, C_out) of the output's shape."""
    window = conv2d(A_prev, W, None, stride, padding, dilation, groups, padding_mode, who)
    floats(who, A_prev=A_prev, dZ=dZ)
    shape_of(who, "dZ", dZ, (len(A_prev), *window.output, W.shape[3]), "dZ has the shape of conv2d's output")
    return window


def conv2d_transpose(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    who: str = "conv2d_transpose",
    **gradient: Volume,
) -> Window:
    """A_prev (N, H, W, C_in), W (f_H, f_W, C_out / groups, C_in), b (C_out,) or None; `gradient` dZ of the
    output's shape, in the backward pass. The window is that of the convolution whose transpose this is: the
    window's input is the output here."""
    floats(who, W=W, A_prev=A_prev, **given(b=b), **gradient)
    shape_of(who, "W", W, ("f_H", "f_W", "C_out" if groups == 1 else "C_out / groups", "C_in"),
           "filters have four axes; C_in comes last")  # fmt: skip
    in_groups(who, groups, C_in=W.shape[3])
    volume(who, "A_prev", A_prev, W.shape[3])
    C_out = W.shape[2] * groups
    if b is not None:
        shape_of(who, "b", b, (C_out,), "one bias for each channel of the output")
    options = {"output_padding": output_padding, "dilation": dilation}
    window = Window.onto(A_prev.shape[1:3], W.shape[:2], stride, padding, who, **options)
    for name, dZ in gradient.items():
        shape = (len(A_prev), *window.input, C_out)
        shape_of(who, name, dZ, shape, f"{name} has the shape of conv2d_transpose's output")
    return window


def in_groups(who: str, groups: int, **channels: int) -> None:
    """`groups` is a whole number that divides all `channels`."""
    if not isinstance(groups, int | np.integer) or isinstance(groups, bool) or groups < 1:
        raise ShapeError(mismatch(who, "groups as a whole number of at least 1", repr(groups)))
    for name, count in channels.items():
        if count % groups:
            remedy = f"{name} must be a multiple of groups"
            raise ShapeError(mismatch(who, f"groups that divide {name} = {count}", groups, remedy))

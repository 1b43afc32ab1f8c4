"""Convolution, and its transpose."""

from fovea.arguments import Filters, Vector, Volume
from fovea.functional.engines import operations
from fovea.geometry import Padding, Pair


def conv2d(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Volume:
    """Convolve every picture with every filter: Z (N, n_H, n_W, C_out), one channel a filter.

    A_prev (N, H, W, C_in), W (f_H, f_W, C_in / groups, C_out), b (C_out,) or None. Filters are not flipped.
    With groups, the channels in and out are cut into as many equal runs, and each run of filters sees one run
    of channels; groups = C_in is depthwise convolution. It is the direct sum, with an error of at most 1e-5
    of the largest number (gradients 1e-4); a network's stages may choose a faster, less exact algorithm.
    """
    return operations("conv").conv2d(
        A_prev, W, b, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def conv2d_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple[Volume, Filters, Vector]:
    """dA_prev, dW and db (C_out,), from dZ (N, n_H, n_W, C_out) and what `conv2d` was given."""
    return operations("conv").conv2d_backward(
        dZ, A_prev, W, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def conv2d_transpose(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Volume:
    """The transposed convolution, Z (N, H_out, W_out, C_out): what `conv2d_backward` makes of A_prev in the
    place of dZ, and b added.

    A_prev (N, H, W, C_in), W (f_H, f_W, C_out / groups, C_in): the filters of the convolution that leads from
    Z's shape to A_prev's; b (C_out,) or None. Along an axis there are (n − 1)·s + d·(f − 1) + 1 − padding +
    output_padding numbers, or n·s with padding "same"; `padding` is taken away from the output.
    """
    how = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return operations("conv").conv2d_transpose(A_prev, W, b, **how, dilation=dilation, groups=groups)


def conv2d_transpose_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple[Volume, Filters, Vector]:
    """dA_prev, dW and db (C_out,), from dZ (N, H_out, W_out, C_out) and what `conv2d_transpose` was given."""
    how = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return operations("conv").conv2d_transpose_backward(
        dZ, A_prev, W, **how, dilation=dilation, groups=groups
    )

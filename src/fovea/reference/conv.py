"""Convolution over volumes, that is cross-correlation, as everywhere in deep learning.

    a_slice(i, j)[n, h, w] = A_prev_pad[n, h·s_H + i·d_H, w·s_W + j·d_W], the pixel (i, j) of every window
    Z = Σ_ij a_slice(i, j) · W[i, j] + b                                                             (1)

Backward, from the gradient dZ of a cost; da_slice(i, j) is the same slice of dA_prev_pad:

    da_slice(i, j) += dZ · W[i, j]ᵀ, for all i, j                                                    (2)
    dW[i, j] = Σ_nhw a_slice(i, j) · dZ                                                              (3)
    db = Σ_nhw dZ                                                                                    (4)

N examples, H rows, W columns, C channels; f_H × f_W the filter, (i, j) a position in it; n_H × n_W the
output; s_H, s_W the strides, d_H, d_W the dilations. The dots are products over the channels of one pixel.
With groups, the input's and the output's channels are divided into `groups` equal runs, and run g of Z is
computed from run g of A_prev: (1) to (4) hold for each group, with its own part of W.

The transposed convolution is (2), with A_prev in the place of dZ and Z in the place of dA_prev. So its own
gradients are (1), and (3) with the arrays exchanged.

Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Filters, Vector, Volume
from fovea.geometry import Padding, Pair, Window
from fovea.reference.quiet import quietly
from fovea.reference.windows import pad, positions, unpad


@quietly
def conv2d(
    A_prev: Volume,
    W: Filters,
    b: Vector | None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Volume:
    """Convolve every picture with every filter: Z (N, n_H, n_W, C_out), one channel per filter.

    A_prev (N, H, W, C_in), W (f_H, f_W, C_in / groups, C_out), b (C_out,) or None. Filters are not flipped.
    With groups, channels and filters are divided into `groups` equal runs, and each run of filters reads one
    run of channels; groups = C_in is depthwise convolution. With `padding_mode` "mirror", the padding is the
    input reflected in its border pixels instead of zeros. This is the direct sum, with an error of at most
    1e-5 of the largest number (gradients 1e-4); a network's stages may choose a faster, less exact algorithm.
    """
    window = arguments.conv2d(A_prev, W, b, stride, padding, dilation, groups, padding_mode)
    A_prev_pad = pad(A_prev, window)
    Z = np.zeros((len(A_prev), *window.output, W.shape[3]), A_prev.dtype)
    for c_in, c_out in _runs(A_prev.shape[3], W.shape[3], groups):
        for i, j, pixels in positions(window):
            a_slice = A_prev_pad[pixels][..., c_in]  # (N, n_H, n_W, C_in / groups)
            Z[..., c_out] += np.tensordot(a_slice, W[i, j][:, c_out], axes=1)  # (1)
    return Z if b is None else np.add(Z, b, out=Z)  # (1)


@quietly
def conv2d_backward(
    dZ: Volume,
    A_prev: Volume,
    W: Filters,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> tuple[Volume, Filters, Vector]:
    """dA_prev, dW and db (C_out,), from dZ (N, n_H, n_W, C_out) and the arguments of `conv2d`."""
    window = arguments.conv2d_backward(dZ, A_prev, W, stride, padding, dilation, groups, padding_mode)
    db = dZ.sum(axis=(0, 1, 2))  # (4) (C_out,)
    return _spread(dZ, W, window, groups), _filters_gradient(dZ, A_prev, W, window, groups), db


@quietly
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
    """The transposed convolution, Z (N, H_out, W_out, C_out): `conv2d_backward`'s dA_prev for A_prev in the
    place of dZ, plus b.

    A_prev (N, H, W, C_in), W (f_H, f_W, C_out / groups, C_in): the filters of the convolution from Z's shape
    to A_prev's; b (C_out,) or None. An axis of n pixels gets (n − 1)·s + d·(f − 1) + 1 − padding +
    output_padding pixels, or n·s with padding "same": `padding` is removed from the output.
    """
    window = arguments.conv2d_transpose(A_prev, W, b, stride, padding, output_padding, dilation, groups)
    Z = _spread(A_prev, W, window, groups)
    return Z if b is None else np.add(Z, b, out=Z)


@quietly
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
    """dA_prev, dW and db (C_out,), from dZ (N, H_out, W_out, C_out) and the arguments of
    `conv2d_transpose`."""
    who = "conv2d_transpose_backward"
    geometry = stride, padding, output_padding, dilation, groups
    window = arguments.conv2d_transpose(A_prev, W, None, *geometry, who, dZ=dZ)
    dA_prev = conv2d(dZ, W, None, stride=stride, padding=window.pads, dilation=dilation, groups=groups)
    return dA_prev, _filters_gradient(A_prev, dZ, W, window, groups), dZ.sum(axis=(0, 1, 2))


def _spread(dZ: Volume, W: Filters, window: Window, groups: int) -> Volume:
    """(2): dA_prev (N, H, W, C_in)."""
    (H, width), (top, bottom, left, right) = window.input, window.pads
    C_in = W.shape[2] * groups
    dA_prev_pad = np.zeros((len(dZ), top + H + bottom, left + width + right, C_in), dZ.dtype)
    for c_in, c_out in _runs(C_in, W.shape[3], groups):
        for i, j, pixels in positions(window):
            dA_prev_pad[pixels][..., c_in] += np.tensordot(dZ[..., c_out], W[i, j][:, c_out].T, axes=1)  # (2)
    return np.ascontiguousarray(unpad(dA_prev_pad, window))


def _filters_gradient(dZ: Volume, A_prev: Volume, W: Filters, window: Window, groups: int) -> Filters:
    """(3), of W's shape."""
    A_prev_pad, dW = pad(A_prev, window), np.empty_like(W)
    for c_in, c_out in _runs(A_prev.shape[3], W.shape[3], groups):
        for i, j, pixels in positions(window):
            a_slice = A_prev_pad[pixels][..., c_in]  # (N, n_H, n_W, C_in / groups)
            dW[i, j][:, c_out] = np.tensordot(a_slice, dZ[..., c_out], axes=((0, 1, 2), (0, 1, 2)))  # (3)
    return dW


def _runs(C_in: int, C_out: int, groups: int) -> list[tuple[slice, slice]]:
    """The slices of each group's input and output channels."""
    C, K = C_in // groups, C_out // groups
    return [(slice(g * C, g * C + C), slice(g * K, g * K + K)) for g in range(groups)]

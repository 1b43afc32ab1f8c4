"""Convolution over volumes, that is cross-correlation, as everywhere in deep learning.

    a_slice(i, j)[n, h, w] = A_prev_pad[n, h·s_H + i, w·s_W + j], the pixel (i, j) of every window
    Z = Σ_ij a_slice(i, j) · W[i, j] + b                                                             (1)

Backward, from the gradient dZ of a cost; da_slice(i, j) is the same slice of dA_prev_pad:

    da_slice(i, j) += dZ · W[i, j]ᵀ, for all i, j                                                    (2)
    dW[i, j] = Σ_nhw a_slice(i, j) · dZ                                                              (3)
    db = Σ_nhw dZ                                                                                    (4)

N examples, H rows, W columns, C channels; f_H × f_W the filter, (i, j) a position in it; n_H × n_W the
output; s_H, s_W the strides. The dots are products over the channels of one place, in and out.

Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

import numpy as np

from fovea import checks
from fovea.checks import Filters, Vector, Volume
from fovea.geometry import Padding, Pair
from fovea.reference.quiet import quietly
from fovea.reference.windows import crop, pad, positions


@quietly
def conv2d(
    A_prev: Volume, W: Filters, b: Vector | None, *, stride: int | Pair = 1, padding: Padding = "valid"
) -> Volume:
    """Z (N, n_H, n_W, C_out)."""
    window = checks.conv2d(A_prev, W, b, stride, padding)
    A_prev_pad = pad(A_prev, window)
    Z = np.zeros((len(A_prev), *window.output, W.shape[3]), A_prev.dtype)
    for i, j, at in positions(window):
        a_slice = A_prev_pad[at]  # (N, n_H, n_W, C_in)
        Z += np.tensordot(a_slice, W[i, j], axes=1)  # (1) (N, n_H, n_W, C_out)
    return Z if b is None else np.add(Z, b, out=Z)  # (1)


@quietly
def conv2d_backward(
    dZ: Volume, A_prev: Volume, W: Filters, *, stride: int | Pair = 1, padding: Padding = "valid"
) -> tuple[Volume, Filters, Vector]:
    """dA_prev, dW, db, each of the shape of what it is the gradient of."""
    window = checks.conv2d_backward(dZ, A_prev, W, stride, padding)
    A_prev_pad = pad(A_prev, window)
    dA_prev_pad = np.zeros_like(A_prev_pad)
    dW = np.empty_like(W)
    for i, j, at in positions(window):
        a_slice = A_prev_pad[at]  # (N, n_H, n_W, C_in)
        dA_prev_pad[at] += np.tensordot(dZ, W[i, j].T, axes=1)  # (2) (N, n_H, n_W, C_in)
        dW[i, j] = np.tensordot(a_slice, dZ, axes=((0, 1, 2), (0, 1, 2)))  # (3) (C_in, C_out)
    db = dZ.sum(axis=(0, 1, 2))  # (4) (C_out,)
    return np.ascontiguousarray(crop(dA_prev_pad, window)), dW, db

"""Padding, and the pixels of all windows at one position, for conv.py and pool.py.

A window's position (i, j) is a row i and a column j within the window, 0 ≤ i < f_H, 0 ≤ j < f_W. The
operations loop over these positions only; examples, rows, columns and channels are NumPy's axes.
"""

from collections.abc import Iterator

import numpy as np

from fovea.arguments import Volume
from fovea.geometry import Window
from fovea.geometry.borders import source


def pad(A: Volume, window: Window, value: float = 0.0) -> Volume:
    """A (N, H, W, C) with the window's padding around it: `value`, or A mirrored; A itself without
    padding."""
    top, bottom, left, right = window.pads
    if not any(window.pads):
        return A
    if window.mirror:
        rows, columns = mirrored(window)
        return A[:, rows][:, :, columns]
    N, H, W, C = A.shape
    A_pad = np.full((N, top + H + bottom, left + W + right, C), value, A.dtype)
    A_pad[:, top : top + H, left : left + W] = A
    return A_pad


def unpad(A_pad: Volume, window: Window) -> Volume:
    """The transpose of `pad`: the view of A_pad without its padding, or with `mirror` each pixel's sum over
    its places in A_pad."""
    (H, W), (top, _, left, _) = window.input, window.pads
    if window.mirror:
        rows, columns = mirrored(window)
        N, _, wide, C = A_pad.shape
        folded, A = np.zeros((N, H, wide, C), A_pad.dtype), np.zeros((N, H, W, C), A_pad.dtype)
        for place, row in enumerate(rows):
            folded[:, row] += A_pad[:, place]
        for place, column in enumerate(columns):
            A[:, :, column] += folded[:, :, place]
        return A
    return A_pad[:, top : top + H, left : left + W]


def mirrored(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """The input's row and column at each row and column of the mirroring padded input."""
    (H, W), (top, bottom, left, right) = window.input, window.pads
    return (
        source("mirror", np.arange(-top, H + bottom), H),
        source("mirror", np.arange(-left, W + right), W),
    )


def positions(window: Window) -> Iterator[tuple[int, int, tuple[slice, slice, slice]]]:
    """(i, j, pixels) in row-major order: `A_pad[pixels]` (N, n_H, n_W, C) is pixel (i, j) of every window."""
    (f_H, f_W), (s_H, s_W), (n_H, n_W) = window.size, window.stride, window.output
    for i in range(f_H):
        for j in range(f_W):
            y, x = i * window.dilation[0], j * window.dilation[1]
            rows = slice(y, y + s_H * (n_H - 1) + 1, s_H)
            columns = slice(x, x + s_W * (n_W - 1) + 1, s_W)
            yield i, j, (slice(None), rows, columns)

"""Filters as a convolution layer with fixed weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.filters.smoothing import checked_kernel
from fovea.filters.weights import weights
from fovea.geometry import Padding
from fovea.layers import Conv2D


def as_layer(
    *filters: Any, channels: int = 1, convention: str = "scikit-image", padding: Padding = "same"
) -> Conv2D:
    """A `Conv2D` with these filters and no bias, ready to run: `layer.forward(pictures)[0]`.

    Each filter is a name for `weights` or a rectangle of numbers; smaller ones are padded with zeros. Every
    channel is filtered separately: k filters and C `channels` give k · C channels, filter by filter. Beyond
    the border a layer has zeros, as in mode="constant"; with padding="valid" no window extends beyond it.

    >>> import numpy as np
    >>> from fovea import filters
    >>> layer = filters.as_layer("sobel-vertical", [[0, 1, 0]])
    >>> layer.forward(np.ones((1, 4, 4, 1), np.float32))[0].shape
    (1, 4, 4, 2)
    """
    if not filters or not isinstance(channels, int) or channels < 1:
        got = f"{len(filters)} filters and channels={channels!r}"
        raise ShapeError(mismatch("filters.as_layer", "at least one filter and one channel", got))
    kernels = [
        weights(f, convention) if isinstance(f, str) else checked_kernel(f, "filters.as_layer")
        for f in filters
    ]
    size = _common([kernel.shape for kernel in kernels])
    layer = Conv2D(len(kernels) * channels, size, padding=padding, bias=False)
    layer.build((*size, channels), np.random.default_rng(0))
    W = layer.parameters["W"]  # (f_H, f_W, C, k · C)
    W[...] = 0
    for number, kernel in enumerate(kernels):
        top, left = (n // 2 - f // 2 for n, f in zip(size, kernel.shape, strict=True))
        inner = W[top : top + kernel.shape[0], left : left + kernel.shape[1]]
        for c in range(channels):
            inner[:, :, c, number * channels + c] = kernel
    return layer


def _common(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """The smallest window with odd sides that holds all kernels, centred."""
    f_H, f_W = (2 * max(shape[axis] // 2 for shape in shapes) + 1 for axis in (0, 1))
    return f_H, f_W

"""Rearrangements: blocks of pixels as channels and back, and channels in another order.

    space to depth    A[h, w, (i·b + j)·C + c] = A_prev[h·b + i, w·b + j, c]      mode DCR                 (1)
                      A[h, w, c·b² + i·b + j]  = A_prev[h·b + i, w·b + j, c]      mode CRD                 (2)
    depth to space    the inverse                                                                         (3)
    channels          A[h, w, k] = A_prev[h, w, order[k]]                                                 (4)

b the side of a block, (i, j) a position in it. The modes have ONNX's names; CRD is PyTorch's pixel_shuffle
and pixel_unshuffle. Each gradient is the inverse; that of an unused channel is 0.
"""

from collections.abc import Sequence

import numpy as np

from fovea import arguments
from fovea.arguments import Volume


def space_to_depth(A_prev: Volume, block: int, *, mode: str = "DCR") -> Volume:
    """Blocks of pixels as channels: (N, H · b, W · b, C) → (N, H, W, C · b²), with b = `block`.

    With `mode` "DCR", the channels of one position of the block are neighbours; with "CRD", the positions of
    one channel are, as in PyTorch's pixel_unshuffle. The gradient is `depth_to_space`.
    """
    b = arguments.space_to_depth(A_prev, block, mode)
    N, H, W, C = A_prev.shape
    blocks = A_prev.reshape(N, H // b, b, W // b, b, C)
    order = (0, 1, 3, 2, 4, 5) if mode == "DCR" else (0, 1, 3, 5, 2, 4)  # (1), (2)
    return blocks.transpose(order).reshape(N, H // b, W // b, C * b * b)


def depth_to_space(A_prev: Volume, block: int, *, mode: str = "DCR") -> Volume:
    """The inverse of `space_to_depth`, and its gradient; with "CRD" PyTorch's pixel_shuffle."""
    b = arguments.depth_to_space(A_prev, block, mode)
    N, H, W, C = A_prev.shape
    blocks = (
        A_prev.reshape(N, H, W, b, b, C // b**2)
        if mode == "DCR"
        else A_prev.reshape(N, H, W, C // b**2, b, b)
    )
    order = (0, 1, 3, 2, 4, 5) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    return blocks.transpose(order).reshape(N, H * b, W * b, C // b**2)  # (3)


def take_channels(A_prev: Volume, order: Sequence[int]) -> Volume:
    """The channels of A_prev (N, H, W, C) with the indices `order`, without repetition."""
    return A_prev[..., list(arguments.taken(A_prev, order))]  # (4)


def take_channels_backward(dA: Volume, order: Sequence[int], channels: int) -> Volume:
    """dA_prev (N, H, W, channels); channels that were not taken have 0."""
    numbers = arguments.taken_backward(dA, order, channels)
    dA_prev = np.zeros((*dA.shape[:3], channels), dA.dtype)
    dA_prev[..., list(numbers)] = dA
    return dA_prev

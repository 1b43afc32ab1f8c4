"""Numbers that change their places."""

from collections.abc import Sequence

from fovea.arguments import Volume
from fovea.functional.engines import operations


def space_to_depth(A_prev: Volume, block: int, *, mode: str = "DCR") -> Volume:
    """Blocks of pixels as channels: (N, H · b, W · b, C) → (N, H, W, C · b²), with b = `block`.

    With `mode` "DCR" the channels of one place in a block lie together; with "CRD" the places of one channel,
    as in PyTorch's pixel_unshuffle. Its gradient is `depth_to_space`.
    """
    return operations("rearrange").space_to_depth(A_prev, block, mode=mode)


def depth_to_space(A_prev: Volume, block: int, *, mode: str = "DCR") -> Volume:
    """The inverse of `space_to_depth`, and its gradient; with "CRD" PyTorch's pixel_shuffle."""
    return operations("rearrange").depth_to_space(A_prev, block, mode=mode)


def take_channels(A_prev: Volume, order: Sequence[int]) -> Volume:
    """The channels of A_prev (N, H, W, C) whose numbers `order` has, none of them twice."""
    return operations("rearrange").take_channels(A_prev, order)


def take_channels_backward(dA: Volume, order: Sequence[int], channels: int) -> Volume:
    """dA_prev (N, H, W, channels); channels that were not taken have 0."""
    return operations("rearrange").take_channels_backward(dA, order, channels)

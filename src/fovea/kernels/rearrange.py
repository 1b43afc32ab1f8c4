"""Space to depth, depth to space and permutations of channels, NHWC; pipelines in pipelines/rearrange.py."""

from collections.abc import Sequence

import numpy as np

from fovea import arguments
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def space_to_depth(A_prev, block: int, *, mode: str = "DCR") -> np.ndarray:
    """As `fovea.reference.space_to_depth`."""
    b = arguments.space_to_depth(A_prev, block, mode)
    N, H, W, C = A_prev.shape
    return _run("space_to_depth", A_prev, (N, H // b, W // b, C * b * b), block=b, mode=mode)


def depth_to_space(A_prev, block: int, *, mode: str = "DCR") -> np.ndarray:
    """As `fovea.reference.depth_to_space`."""
    b = arguments.depth_to_space(A_prev, block, mode)
    N, H, W, C = A_prev.shape
    return _run("depth_to_space", A_prev, (N, H * b, W * b, C // b**2), block=b, mode=mode)


def take_channels(A_prev, order: Sequence[int]) -> np.ndarray:
    """As `fovea.reference.take_channels`."""
    numbers = arguments.taken(A_prev, order)
    return _run(
        "channels", A_prev, (*A_prev.shape[:3], len(numbers)), taken=len(numbers), order=table(numbers)
    )


def take_channels_backward(dA, order: Sequence[int], channels: int) -> np.ndarray:
    """As `fovea.reference.take_channels_backward`."""
    numbers = arguments.taken_backward(dA, order, channels)
    order = inverse(numbers, channels)
    return _run("channels", dA, (*dA.shape[:3], channels), taken=channels, order=table(order))


def inverse(order: Sequence[int], channels: int) -> tuple[int, ...]:
    """The index in `order` of each of the channels; −1 for one that is missing."""
    positions = {channel: position for position, channel in enumerate(order)}
    return tuple(positions.get(channel, -1) for channel in range(channels))


def table(order: Sequence[int]) -> np.ndarray:
    """`order` as the kernel's int32 array."""
    return buffers.copy(np.array(order, np.int32))


def _run(
    operation: str,
    source: np.ndarray,
    shape: tuple[int, ...],
    order: np.ndarray | None = None,
    **settings: object,
) -> np.ndarray:
    arguments.float32(operation, A_prev=source)
    target = buffers.empty(shape)
    if target.size:
        settings |= {
            "size": source.shape[1:3],
            "channels": source.shape[3],
            "lanes": 1,
            "vector": tiles.vector(),
        }
        inputs = {"A_prev": source[..., None], "order": order}
        run(f"rearrange.{operation}", inputs, {"A": target[..., None]}, **settings)
    return target

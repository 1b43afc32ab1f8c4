"""How a batch of pictures comes into a plan: copied to its memory, then brought into its first layout."""

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from fovea.kernels import buffers, tiles
from fovea.stages.base import NHWC, Step
from fovea.stages.calls import Array, View

if TYPE_CHECKING:
    from fovea.network import Network
    from fovea.stages.plan import Plan


def image_size(network: "Network", lanes: int) -> int:
    """Bytes for a picture on its way: as uint8, or as float32 where it is not in its place at once."""
    return prod(network.input_shape) * np.dtype(np.uint8 if lanes == NHWC else np.float32).itemsize


def intake(plan: "Plan", A: Array, kind: type, memory: np.ndarray) -> tuple[np.ndarray, list[Step]]:
    """Where a batch of pictures of `kind`, uint8 or float32, is copied to, and what makes A of it.

    `memory` is for pictures that are not copied to A itself.
    """
    shape = plan.network.input_shape
    if kind == np.float32 and A.lanes == NHWC:
        return A.values.reshape(-1, *shape), []
    H, W, C = shape if len(shape) == 3 else (1, 1, *shape)
    size = plan.batch_size * prod(shape) * np.dtype(kind).itemsize
    images = memory[:size].view(kind).reshape(plan.batch_size, H, W, C, 1)
    scale = plan.network.preprocessing if kind == np.uint8 else None
    pack = plan.call(
        "layout.pack",
        {
            "X": View(images, 1),
            "scale": None if scale is None else buffers.aligned(scale.scale),
            "offset": None if scale is None else buffers.aligned(scale.offset),
            "count": plan.count,
        },
        {"A": A.seen_as(H, W, C)},
        channels=C,
        width=W,
        height=H,
        lanes=A.lanes,
        kind="u8" if kind == np.uint8 else "f32",
        vector=tiles.vector(),
    )
    return images.reshape(-1, *shape), [pack]

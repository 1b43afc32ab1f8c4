"""The way of a batch into a plan: copied to its memory, then converted to the layout of its first array."""

from math import prod

import numpy as np

from fovea.kernels import buffers, tiles
from fovea.network import Network
from fovea.stages.base import NHWC, Step
from fovea.stages.calls import Array, View
from fovea.stages.context import Context


def image_size(network: Network, lanes: int) -> int:
    """Bytes per picture of the memory that batches are copied to: for uint8 where float32 pictures are copied
    to the first array itself, else for float32."""
    return prod(network.input_shape) * np.dtype(np.uint8 if lanes == NHWC else np.float32).itemsize


def load(context: Context, A: Array, kind: type, memory: np.ndarray) -> tuple[np.ndarray, list[Step]]:
    """The array to copy a batch of `kind` to, uint8 or float32, and the steps that fill A from it.

    `memory` holds pictures that are not copied to A itself.
    """
    shape = context.network.input_shape
    if kind == np.float32 and A.lanes == NHWC:
        return A.values.reshape(-1, *shape), []
    H, W, C = shape if len(shape) == 3 else (1, 1, *shape)
    end = context.batch_size * prod(shape) * np.dtype(kind).itemsize
    images = memory[:end].view(kind).reshape(context.batch_size, H, W, C, 1)
    scale = context.network.preprocessing if kind == np.uint8 else None
    size, numbers = context.size(H, W)
    inputs = {
        "X": View(images, 1),
        "scale": None if scale is None else buffers.aligned(scale.scale),
        "offset": None if scale is None else buffers.aligned(scale.offset),
        "count": context.count,
        **numbers,
    }
    options = {"channels": C, "size": size, "lanes": A.lanes, "vector": tiles.vector()}
    name = "u8" if kind == np.uint8 else "f32"
    pack = context.call("layout.pack", inputs, {"A": A.seen_as(H, W, C)}, **options, kind=name)
    return images.reshape(-1, *shape), [pack]

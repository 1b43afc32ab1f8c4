"""Where a network's parameters lie: one after another in one flat array.

So an optimizer is one pass over one array. Each parameter begins at a multiple of 64 bytes, the width of a
cache line and of the widest vectors, and the gaps stay 0.
"""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from fovea.layers.base import Layer, Shape

Layout: TypeAlias = dict[str, tuple[int, Shape]]  # "conv1.W" → where it begins, in floats, and its shape
Views: TypeAlias = Mapping[str, np.ndarray]

ALIGNMENT = 64 // 4  # floats


def layout_of(layers: Sequence[Layer], input_shapes: Sequence[Shape]) -> tuple[Layout, int]:
    """Where each layer's parameters begin, and how many floats all take up."""
    layout, end = {}, 0
    for layer, input_shape in zip(layers, input_shapes, strict=True):
        for name, shape in layer.parameter_shapes(input_shape).items():
            layout[f"{layer.name}.{name}"] = (end, tuple(shape))
            end += -(-prod(shape) // ALIGNMENT) * ALIGNMENT
    return layout, end


def aligned_zeros(size: int) -> np.ndarray:
    """float32 (size,), beginning at a multiple of 64 bytes."""
    memory = np.zeros(size + ALIGNMENT, np.float32)
    start = -(memory.ctypes.data // memory.itemsize) % ALIGNMENT
    return memory[start : start + size]


def views_of(flat: np.ndarray, layout: Layout) -> Views:
    """Each parameter as a view into `flat`; the mapping cannot be changed, the arrays can."""
    return MappingProxyType(
        {name: flat[start : start + prod(shape)].reshape(shape) for name, (start, shape) in layout.items()}
    )


def hand_out(views: Views, layers: Sequence[Layer]) -> None:
    """Give each layer the views that carry its name, "conv1.W" as "W"."""
    for layer in layers:
        own = {
            name.partition(".")[2]: view
            for name, view in views.items()
            if name.partition(".")[0] == layer.name
        }
        layer.parameters = MappingProxyType(own)

"""The memory of a network's parameters and statistics: one after another in one flat array each.

So an optimizer makes one pass over one array. Each parameter starts at a multiple of 64 bytes, the width of a
cache line and of the widest vectors, and the gaps stay 0.
"""

from collections.abc import Iterable, Mapping
from math import prod
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Layer, Shape
from fovea.ranges import check_size

Layout: TypeAlias = dict[str, tuple[int, Shape]]  # "conv1.W" → its offset, in floats, and its shape
Views: TypeAlias = Mapping[str, np.ndarray]

ALIGNMENT = 64 // 4  # floats


def layout_of(shapes: Iterable[tuple[Layer, Mapping[str, Shape]]]) -> tuple[Layout, int]:
    """The offset and shape of each array of each layer, and the number of floats in all. Raises ShapeError
    for an array that is too large."""
    layout, end = {}, 0
    for layer, arrays in shapes:
        for name, shape in arrays.items():
            check_size(shape, layer.who, f"an array {name}")
            layout[f"{layer.name}.{name}"] = (end, tuple(shape))
            end += -(-prod(shape) // ALIGNMENT) * ALIGNMENT
    return layout, end


def aligned_zeros(size: int) -> np.ndarray:
    """Zeros in float32 (size,), starting at a multiple of 64 bytes."""
    memory = np.zeros(size + ALIGNMENT, np.float32)
    start = -(memory.ctypes.data // memory.itemsize) % ALIGNMENT
    return memory[start : start + size]


def views_of(flat: np.ndarray, layout: Layout) -> Views:
    """Each array as a view into `flat`, in a read-only mapping; the arrays themselves are writable."""
    return MappingProxyType(
        {name: flat[start : start + prod(shape)].reshape(shape) for name, (start, shape) in layout.items()}
    )


def hand_out(parameters: Views, statistics: Views, layers: Iterable[Layer]) -> None:
    """Give each layer its own views: "conv1.W" to the layer "conv1", as "W"."""
    layer_parameters, layer_statistics = by_layer(parameters), by_layer(statistics)
    for layer in layers:
        layer.parameters = MappingProxyType(layer_parameters.get(layer.name, {}))
        layer.statistics = MappingProxyType(layer_statistics.get(layer.name, {}))


def by_layer(views: Views) -> dict[str, dict[str, np.ndarray]]:
    """The views of each layer: "conv1" → "W" → array."""
    grouped: dict[str, dict[str, np.ndarray]] = {}
    for full_name, view in views.items():
        layer, _, name = full_name.partition(".")
        grouped.setdefault(layer, {})[name] = view
    return grouped


def learn_statistics(layer: Layer, cache: Any) -> None:
    """Update the statistics of `layer`, unless it is frozen, after a forward pass in training."""
    if layer.frozen:
        return
    new = layer.update(cache)
    if set(new) != set(layer.statistics):
        raise ShapeError(mismatch(layer.who, f"an update of {list(layer.statistics)}", list(new)))
    for name, values in new.items():
        layer.statistics[name][...] = values

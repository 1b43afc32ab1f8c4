"""Where a network's parameters and statistics lie: one after another in one flat array each.

So an optimizer is one pass over one array. Each parameter begins at a multiple of 64 bytes, the width of a
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

Layout: TypeAlias = dict[str, tuple[int, Shape]]  # "conv1.W" → where it begins, in floats, and its shape
Views: TypeAlias = Mapping[str, np.ndarray]

ALIGNMENT = 64 // 4  # floats


def layout_of(shapes: Iterable[tuple[Layer, Mapping[str, Shape]]]) -> tuple[Layout, int]:
    """Where each array of each layer begins, and how many floats all take up. Raises ShapeError for an array
    that is too large."""
    layout, end = {}, 0
    for layer, own in shapes:
        for name, shape in own.items():
            check_size(shape, layer.who, f"an array {name}")
            layout[f"{layer.name}.{name}"] = (end, tuple(shape))
            end += -(-prod(shape) // ALIGNMENT) * ALIGNMENT
    return layout, end


def aligned_zeros(size: int) -> np.ndarray:
    """float32 (size,), beginning at a multiple of 64 bytes."""
    memory = np.zeros(size + ALIGNMENT, np.float32)
    start = -(memory.ctypes.data // memory.itemsize) % ALIGNMENT
    return memory[start : start + size]


def views_of(flat: np.ndarray, layout: Layout) -> Views:
    """Each array as a view into `flat`; the mapping cannot be changed, the arrays can."""
    return MappingProxyType(
        {name: flat[start : start + prod(shape)].reshape(shape) for name, (start, shape) in layout.items()}
    )


def hand_out(parameters: Views, statistics: Views, layers: Iterable[Layer]) -> None:
    """Give each layer the views that carry its name, "conv1.W" as "W"."""
    first, second = _by_layer(parameters), _by_layer(statistics)
    for layer in layers:
        layer.parameters = MappingProxyType(first.get(layer.name, {}))
        layer.statistics = MappingProxyType(second.get(layer.name, {}))


def _by_layer(views: Views) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, view in views.items():
        owner, _, own = name.partition(".")
        found.setdefault(owner, {})[own] = view
    return found


def learn_statistics(layer: Layer, cache: Any) -> None:
    """Write what `layer` has learned beside gradients in a forward pass in training."""
    if layer.frozen:
        return
    new = layer.update(cache)
    if set(new) != set(layer.statistics):
        raise ShapeError(mismatch(layer.who, f"an update of {list(layer.statistics)}", list(new)))
    for name, values in new.items():
        layer.statistics[name][...] = values

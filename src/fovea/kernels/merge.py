"""Sums and products of several arrays; the pipelines are in pipelines/merge.py, and in elementwise.py for
arrays of one shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fovea import arguments
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run

Extents = tuple[int, int, int]


def add(*arrays) -> np.ndarray:
    """As `fovea.reference.add`."""
    shape = arguments.merged(*arrays, who="add")
    return _merged("add", arrays, shape)


def add_backward(dA, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """As `fovea.reference.add_backward`."""
    arguments.merged_backward(dA, *shapes, who="add_backward")
    return tuple(dA if shape == dA.shape else _summed([dA], dA.shape, shape) for shape in shapes)


def multiply(*arrays) -> np.ndarray:
    """As `fovea.reference.multiply`."""
    shape = arguments.merged(*arrays, who="multiply")
    return _merged("multiply", arrays, shape)


def multiply_backward(dA, *arrays) -> tuple[np.ndarray, ...]:
    """As `fovea.reference.multiply_backward`."""
    arguments.multiplied_backward(dA, *arrays, who="multiply_backward")
    return tuple(
        _summed([dA, *arrays[:i], *arrays[i + 1 :]], dA.shape, array.shape) for i, array in enumerate(arrays)
    )


def extents(shape: Sequence[int]) -> Extents:
    """The shape of one example, of at most three axes, as (H, W, C); missing ones are 1, in front."""
    H, W, C = (*(1,) * (3 - len(shape)), *shape)
    return H, W, C


def numbered(arrays: Sequence[Any]) -> dict[str, Any]:
    """The arrays by the kernels' names: A_0, A_1, …"""
    return {f"A_{i}": array for i, array in enumerate(arrays)}


def _merged(operation: str, arrays: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    arguments.float32(operation, **numbered(arrays))
    Z = buffers.empty(shape)
    if all(array.shape == shape for array in arrays):
        inputs = numbered([array.reshape(1, -1) for array in arrays])
        settings = {"count": len(arrays), "vector": tiles.vector()}
        settings |= {"activation": ""} if operation == "add" else {}
        run(f"elementwise.{operation}", inputs, {"A": Z.reshape(1, -1)}, **settings)
    elif Z.size:
        sizes = tuple(extents(array.shape[1:]) for array in arrays)
        inputs = numbered([_example_axes(array) for array in arrays])
        run(
            f"merge.{operation}", inputs, {"A": _example_axes(Z)}, sizes=sizes, lanes=1, vector=tiles.vector()
        )
    return Z


def _summed(arrays: Sequence[np.ndarray], full: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The product of arrays that broadcast to shape `full`, summed to `shape`."""
    if shape == full and len({array.shape for array in arrays}) == 1:
        return _merged("multiply", arrays, full)
    arguments.float32("multiply_backward", **numbered(arrays))
    dA = buffers.empty(shape)
    if dA.size:
        sizes = tuple(extents(array.shape[1:]) for array in arrays)
        settings = {"sizes": sizes, "size": extents(shape[1:]), "lanes": 1, "vector": tiles.vector()}
        run(
            "merge.gradient",
            numbered([_example_axes(array) for array in arrays]),
            {"A": _example_axes(dA)},
            **settings,
        )
    return dA


def _example_axes(array: np.ndarray) -> np.ndarray:
    """(N, H, W, C, 1)"""
    return array.reshape(len(array), *extents(array.shape[1:]), 1)

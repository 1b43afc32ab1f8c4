"""Sums and products of several arrays, where branches of a network meet.

    sum        Z = A_0 + A_1 + …, from the left           dA_i = dZ                                        (1)
    product    Z = A_0 · A_1 · …, from the left           dA_i = dZ · Π_{j ≠ i} A_j                        (2)

Axes broadcast as in NumPy, except the first: example n is merged with example n. Along an axis where A_i is
repeated,

    dA_i = Σ of the above over the axis                                                                    (3)

in float64.
"""

from functools import reduce

import numpy as np

from fovea import arguments
from fovea.arguments import Array
from fovea.reference.quiet import quietly


@quietly
def add(*arrays: Array) -> Array:
    """The sum of two arrays or more."""
    shape = arguments.merged(*arrays, who="add")
    return reduce(np.add, _aligned(arrays, shape))  # (1)


@quietly
def add_backward(dA: Array, *shapes: tuple[int, ...]) -> tuple[Array, ...]:
    """The gradients of arrays of `shapes`, from dA of the shape of their sum."""
    arguments.merged_backward(dA, *shapes, who="add_backward")
    return tuple(_summed(dA, shape) for shape in shapes)  # (1), (3)


@quietly
def multiply(*arrays: Array) -> Array:
    """The elementwise product of two arrays or more."""
    shape = arguments.merged(*arrays, who="multiply")
    return reduce(np.multiply, _aligned(arrays, shape))  # (2)


@quietly
def multiply_backward(dA: Array, *arrays: Array) -> tuple[Array, ...]:
    """The gradients of `arrays`, from dA of the shape of their product."""
    arguments.multiplied_backward(dA, *arrays, who="multiply_backward")
    aligned = _aligned(arrays, dA.shape)
    return tuple(
        _summed(reduce(np.multiply, [dA, *aligned[:i], *aligned[i + 1 :]]), array.shape)  # (2), (3)
        for i, array in enumerate(arrays)
    )


def _aligned(arrays: tuple[Array, ...], shape: tuple[int, ...]) -> list[Array]:
    """The arrays with `len(shape)` axes: missing ones are inserted after the first."""
    return [_axes(array.shape, len(shape), array) for array in arrays]


def _axes(shape: tuple[int, ...], count: int, array: Array) -> Array:
    return array.reshape((*shape[:1], *(1,) * (count - len(shape)), *shape[1:]))


def _summed(dA: Array, shape: tuple[int, ...]) -> Array:
    """(3): `dA` summed to `shape`."""
    if dA.shape == shape:
        return dA
    full = (*shape[:1], *(1,) * (dA.ndim - len(shape)), *shape[1:])
    axes = tuple(axis for axis, (n, m) in enumerate(zip(dA.shape, full, strict=True)) if n != m)
    return dA.sum(axis=axes, keepdims=True, dtype=np.float64).astype(dA.dtype).reshape(shape)

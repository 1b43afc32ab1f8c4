"""Sums and products of arrays."""

import numpy as np

from fovea.arguments.arrays import Array, floats, plain
from fovea.errors import ShapeError, mismatch


def merged(*arrays: Array, who: str) -> tuple[int, ...]:
    """The shape that two or more arrays merge into: all of one shape, or (N, …) with axes that broadcast.

    Axes broadcast as in NumPy, except N, which is the same in all: (N, H, W, C) fits (N, C), (N, 1, 1, C),
    (N, H, W, 1) and (N, 1).
    """
    if len(arrays) < 2:
        raise ShapeError(mismatch(who, "two arrays or more", len(arrays)))
    for i, array in enumerate(arrays):
        plain(who, array, f"A_{i}")
    floats(who, **{f"A_{i}": array for i, array in enumerate(arrays)})
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) == 1:
        return shapes[0]
    if all(2 <= len(shape) <= 4 for shape in shapes) and len({shape[0] for shape in shapes}) == 1:
        try:
            return shapes[0][0], *np.broadcast_shapes(*(shape[1:] for shape in shapes))
        except ValueError:
            pass
    got, remedy = " and ".join(map(str, shapes)), "an axis that is not the same in all must be 1"
    raise ShapeError(mismatch(who, "arrays (N, …) that broadcast, of one N", got, remedy))


def multiplied_backward(dA: Array, *arrays: Array, who: str) -> None:
    """dA in the shape and type that `arrays` merge into."""
    merged(*arrays, who=who)
    floats(who, dA=dA, A_0=arrays[0])
    merged_backward(dA, *(array.shape for array in arrays), who=who)


def merged_backward(dA: Array, *shapes: tuple[int, ...], who: str) -> None:
    """dA in the shape that arrays of `shapes` merge into."""
    floats(who, dA=dA)
    expected = merged(*(np.broadcast_to(dA.dtype.type(0), shape) for shape in shapes), who=who)
    if dA.shape != expected:
        raise ShapeError(mismatch(who, f"dA {expected}", dA.shape, "dA has the shape of the output"))

"""Sums and products of arrays.

Arrays are of one shape, whatever it is, or (N, …) of one N with axes that broadcast as NumPy's do: pictures
(N, H, W, C) go with (N, C) or (N, 1, 1, C), a number for each channel, and (N, H, W, 1), one for each pixel.
"""

from fovea.arguments import Array
from fovea.functional.engines import operations


def add(*arrays: Array) -> Array:
    """The sum of two arrays or more."""
    return operations("merge").add(*arrays)


def add_backward(dA: Array, *shapes: tuple[int, ...]) -> tuple[Array, ...]:
    """The gradients of arrays of `shapes`, from dA of the shape of their sum."""
    return operations("merge").add_backward(dA, *shapes)


def multiply(*arrays: Array) -> Array:
    """The product of two arrays or more, value by value."""
    return operations("merge").multiply(*arrays)


def multiply_backward(dA: Array, *arrays: Array) -> tuple[Array, ...]:
    """The gradients of `arrays`, from dA of the shape of their product."""
    return operations("merge").multiply_backward(dA, *arrays)

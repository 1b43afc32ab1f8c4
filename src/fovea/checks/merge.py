"""Sums of arrays."""

from fovea.checks.arrays import Array, same_shape
from fovea.errors import ShapeError, mismatch


def summands(*arrays: Array, who: str = "add") -> None:
    """Two arrays or more, of one shape."""
    if len(arrays) < 2:
        raise ShapeError(mismatch(who, "two arrays or more", len(arrays)))
    same_shape(who, **{f"A_{i}": array for i, array in enumerate(arrays)})

"""Sums of arrays."""

from fovea.checks import Array
from fovea.functional.engines import operations


def add(*arrays: Array) -> Array:
    """The sum of two arrays or more of one shape, whatever it is."""
    return operations("merge").add(*arrays)

"""The sum of several arrays, where ways through a network meet.

    Z = A_0 + A_1 + …, from the left                                                                       (1)

A gradient goes back to each of them as it is.
"""

from fovea import checks
from fovea.checks import Array


def add(*arrays: Array) -> Array:
    """Z, of the shape of all `arrays`, two at least."""
    checks.summands(*arrays)
    Z = arrays[0] + arrays[1]  # (1)
    for more in arrays[2:]:
        Z += more
    return Z

"""Options: numbers, and True or False."""

from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.ranges import SMALLEST, flag, number


def finite(value: float, who: str) -> float:
    """A finite number."""
    return number(value, who)


def bounds(low: float, high: float, who: str) -> tuple[float, float]:
    """Finite numbers, `low` below `high`."""
    low, high = numbers(who, low=low, high=high)
    if not low < high:
        raise ShapeError(mismatch(who, "low to be less than high", f"{low:g} and {high:g}"))
    return low, high


def numbers(who: str, **values: float) -> tuple[float, ...]:
    """Finite numbers, by name."""
    return tuple(finite(value, f"{who}: {name}") for name, value in values.items())


def share(value: float, who: str) -> float:
    """A number from 0 to below 1, also in float32."""
    return number(value, who, "a number from 0 to below 1", 0, 1 - 2**-24)


def above_zero(who: str, name: str, value: float) -> float:
    """A number above 0."""
    return number(value, who, f"{name} above 0", SMALLEST)


def truth(value: Any, who: str) -> bool:
    """True or False, Python's or NumPy's."""
    return flag(bool(value) if isinstance(value, np.bool_) else value, who)

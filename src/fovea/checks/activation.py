"""The numbers of activations."""

import numpy as np

from fovea.errors import ShapeError, mismatch


def finite(value: float, who: str) -> float:
    """A finite number."""
    if not (isinstance(value, int | float | np.number) and np.isfinite(value)):
        raise ShapeError(mismatch(who, "a finite number", repr(value)))
    return float(value)


def bounds(low: float, high: float, who: str) -> None:
    """Finite numbers, the first below the second."""
    if not finite(low, f"{who}: low") < finite(high, f"{who}: high"):
        raise ShapeError(mismatch(who, "low to be less than high", f"{low:g} and {high:g}"))

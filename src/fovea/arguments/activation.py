"""The numbers of activations."""

from fovea.errors import ShapeError, mismatch
from fovea.ranges import number


def finite(value: float, who: str) -> float:
    """A finite number."""
    return number(value, who)


def bounds(low: float, high: float, who: str) -> None:
    """Finite numbers, the first below the second."""
    if not finite(low, f"{who}: low") < finite(high, f"{who}: high"):
        raise ShapeError(mismatch(who, "low to be less than high", f"{low:g} and {high:g}"))


def numbers(who: str, **values: float) -> None:
    """Finite numbers, by name."""
    for name, value in values.items():
        finite(value, f"{who}: {name}")

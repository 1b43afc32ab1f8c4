"""Checks of numbers from options, model files, run arguments and calls.

Arrays are indexed with 32 bits and computed in float32, which bounds every number: a whole number is at most
MOST, an array has at most MOST elements, and any other number must fit into float32.
"""

from collections.abc import Sequence
from math import inf, prod
from operator import index
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch

MOST = 2**31 - 1
MOST_SEED = 2**64 - 1
SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def whole(value: Any, who: str, name: str, least: int = 1, most: int = MOST) -> int:
    """`value` as a whole number from `least` to `most`. Raises ShapeError."""
    try:
        result = index(value)
    except TypeError:
        result = None
    if result is None or isinstance(value, bool) or not least <= result <= most:
        expected = f"a whole number of at least {least}"
        if result is not None and result > most:
            expected += f" and at most {most:,}"
        raise ShapeError(mismatch(f"{who}: {name}", expected, short(value)))
    return result


def real(value: Any) -> bool:
    """True if `value` is a number of Python's or NumPy's, but not a bool."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def number(
    value: Any, who: str, expected: str = "a finite number", least: float = -LARGEST, most: float = LARGEST
) -> float:
    """`value` as a number from `least` to `most`, which `expected` describes. Raises ShapeError.

    For a number above 0, `least` is SMALLEST: smaller ones are 0 in float32.
    """
    known = real(value)
    if known and max(least, -LARGEST) <= value <= min(most, LARGEST):
        return float(value)
    if known and (LARGEST < abs(value) < inf or 0 < value < least):
        expected += f" that float32 can hold ({SMALLEST:.2g} to {LARGEST:.2g})"
    raise ShapeError(mismatch(who, expected, short(value)))


def typed(value: Any) -> Any:
    """A text as the number in it; anything else unchanged."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def flag(value: Any, who: str) -> bool:
    """`value`. Raises ShapeError unless it is True or False."""
    if not isinstance(value, bool):
        raise ShapeError(mismatch(who, "True or False", short(value)))
    return value


def check_size(shape: Sequence[int], who: str, what: str) -> None:
    """Raise ShapeError if an array of `shape` would have more than MOST elements."""
    if prod(shape) > MOST:
        expected = f"{what} of at most {MOST:,} numbers ({gigabytes(4 * MOST)})"
        lengths = short("×".join(map(str, shape)), str)
        raise ShapeError(mismatch(who, expected, f"{lengths} ({gigabytes(4 * prod(shape))})"))


def gigabytes(size: int) -> str:
    """`size` bytes as text, in GB."""
    return f"{size / 1e9:,.1f} GB" if size < 10**18 else "more than a billion GB"


def short(value: Any, text: Any = repr) -> str:
    """`value` as text for errors, at most 60 characters."""
    try:
        result = text(value)
    except ValueError:  # Python refuses to print whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
    return result if len(result) <= 60 else f"{result[:59]}…"

"""Checks of the lines of a run's arguments.yaml; those of the recipe and the task are checked there."""

from collections.abc import Callable
from typing import Any

from fovea import engine
from fovea.errors import DataError, ShapeError, mismatch
from fovea.ranges import MOST_SEED, short, whole


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            whole(value, "", "", least, most)
        except ShapeError:
            return False
        return True

    return fits


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_whole(1, 10**6), value))


# Name → check of a value, description of valid values, and whether None is valid
LINES: dict[str, tuple[Callable[[Any], bool], str, bool]] = {
    "task": (_text, "a name", False),
    "data": (_text, "a name or a path", False),
    "model": (_text, "a name or a path", False),
    "size": (_size, "[height, width]", True),
    "format": (_text, "a format of labels", True),
    "groups": (_text, "a pattern or a path", True),
    "precision": (lambda value: value in ("fast", "exact"), "fast or exact", True),
    "weights": (_text, "a path", True),
    "engine": (lambda value: value in engine.NAMES, " or ".join(engine.NAMES), False),
    "seed": (_whole(0, MOST_SEED), "a whole number of at least 0", False),
    "epochs": (_whole(1, 2**31 - 1), "a whole number of at least 1", False),
}


def checked(arguments: Any, who: str) -> dict[str, Any]:
    """`arguments`. Raises DataError, which names `who`, for invalid values."""
    if not isinstance(arguments, dict):
        raise DataError(mismatch(who, "names and values", type(arguments).__name__))
    for name, (fits, words, optional) in LINES.items():
        value = arguments.get(name)
        if name in arguments and not (optional and value is None) and not fits(value):
            raise DataError(mismatch(f"{who}: {name}", words, short(value)))
    return arguments

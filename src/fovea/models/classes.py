"""The argument `classes` of every model: a number or names."""

from collections.abc import Sequence

from fovea.ranges import whole


def count_and_names(classes: int | Sequence[str], who: str) -> tuple[int, list[str] | None]:
    """The number of outputs, and their names, None if `classes` is a number."""
    if isinstance(classes, Sequence) and not isinstance(classes, str):
        return whole(len(classes), who, "classes"), list(classes)
    return whole(classes, who, "classes"), None

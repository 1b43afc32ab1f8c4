"""What every model takes as `classes`."""

from collections.abc import Sequence

from fovea.ranges import whole


def count_and_names(classes: int | Sequence[str], who: str) -> tuple[int, list[str] | None]:
    """How many outputs, and their names where `classes` gives them."""
    if isinstance(classes, Sequence) and not isinstance(classes, str):
        return whole(len(classes), who, "classes"), list(classes)
    return whole(classes, who, "classes"), None

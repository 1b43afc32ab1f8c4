"""What each class weighs in the loss of a training, so that those with few pictures are heard too.

    balanced: w[c] = N / (C · n[c])                                                                       (1)

N pictures, n[c] of them in class c; C classes have any. All classes together then weigh the same, and a
picture weighs 1 on average. King, Zeng, "Logistic regression in rare events data" (2001), section 4.2.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from fovea.errors import ShapeError, TrainingError, mismatch
from fovea.names import class_name
from fovea.ranges import number, short

Asked: TypeAlias = "str | Mapping[str, float] | Sequence[float] | None"

_WHO = "class weights"
_FORMS = 'none, balanced, or weights by name such as "cat=2,dog=0.5"'


def parse(asked: Asked) -> Asked:
    """What `weights` takes, from text: "none", "balanced" or "cat=2,dog=0.5". Raises TrainingError."""
    if asked is None or asked == "balanced":
        return asked
    if not isinstance(asked, str):
        if not isinstance(asked, Mapping | Sequence):
            raise TrainingError(mismatch(_WHO, _FORMS, short(asked)))
        _check(list(asked.values()) if isinstance(asked, Mapping) else asked)
        return asked
    if asked == "none":
        return None
    named = {}
    for part in asked.split(","):
        name, _, value = part.rpartition("=")  # the name of a class may have an = in it
        try:
            named[class_name(name)] = float(value)
        except ValueError:
            name = ""
        if not name.strip():
            raise TrainingError(mismatch(_WHO, _FORMS, repr(asked)))
    _check(list(named.values()))
    return named


def weights(asked: Asked, labels: np.ndarray, classes: Sequence[str]) -> list[float] | None:
    """A weight for each of `classes`, or None where all are alike; those that are not named weigh 1.

    `labels` (N,) are the training pictures'. Raises TrainingError.
    """
    asked = parse(asked)
    if asked is None:
        return None
    if isinstance(asked, str):
        n = np.bincount(labels[labels >= 0], minlength=len(classes))
        return np.where(n > 0, n.sum() / (np.count_nonzero(n) * np.maximum(n, 1)), 0.0).tolist()  # (1)
    if isinstance(asked, Mapping):
        asked = {class_name(name): weight for name, weight in asked.items()}
        strange = next((name for name in asked if name not in classes), None)
        if strange is not None:
            raise TrainingError(mismatch(_WHO, f"names of classes, {', '.join(classes)}", repr(strange)))
        asked = [asked.get(name, 1.0) for name in classes]
    if len(asked) != len(classes):
        raise TrainingError(mismatch(_WHO, f"one for each of {len(classes)} classes", len(asked)))
    _check(asked)
    if not any(asked):
        raise TrainingError(mismatch(_WHO, "one above 0", "0 for all"))
    return [float(w) for w in asked]


def to_setting(asked: Asked) -> "str | dict[str, float] | list[float]":
    """`asked` as a run's arguments say it, and `parse` takes it."""
    asked = parse(asked)
    if asked is None or isinstance(asked, str):
        return asked or "none"
    if isinstance(asked, Mapping):
        return {name: float(w) for name, w in asked.items()}
    return [float(w) for w in asked]


def _check(numbers: Sequence[float]) -> None:
    for w in numbers:
        try:
            number(w, _WHO, "finite numbers of at least 0", 0)
        except ShapeError as error:
            raise TrainingError(str(error)) from error

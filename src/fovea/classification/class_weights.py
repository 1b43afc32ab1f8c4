"""Weights of classes in the loss, so that classes with few pictures count too.

    balanced: w[c] = N / (C · n[c])                                                                       (1)

N pictures, n[c] of them in class c; C classes have any. Then each class has the same total weight, and the
mean weight of a picture is 1. King, Zeng, "Logistic regression in rare events data" (2001), section 4.2.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from fovea.errors import TrainingError, mismatch
from fovea.names import class_name, counted
from fovea.settings import Settings

Asked: TypeAlias = "str | Mapping[str, float] | Sequence[float] | None"

_WHO = "class weights"
_FORMS = 'none, balanced, or weights by name such as "cat=2,dog=0.5"'
_SETTINGS = Settings(_WHO, _FORMS, TrainingError, alone=False)


def parse(asked: Asked) -> Asked:
    """Read and check class weights: "none", "balanced", "cat=2,dog=0.5", a mapping or a sequence.

    Raises TrainingError."""
    if asked is None or asked == "balanced":
        return asked
    if asked == "none":
        return None
    given = _SETTINGS.read(asked) if isinstance(asked, str) else asked
    if not isinstance(given, Mapping | Sequence) or (isinstance(asked, str) and not given):
        raise _SETTINGS.refused(asked)
    if isinstance(given, Mapping):
        return {class_name(name): _SETTINGS.number(name, weight) for name, weight in given.items()}
    return [_SETTINGS.number(f"class {n}", weight) for n, weight in enumerate(given)]


def weights(asked: Asked, labels: np.ndarray, classes: Sequence[str]) -> list[float] | None:
    """A weight for each of `classes`, 1 for those not named, or None if there are no weights.

    `labels` (N,) are those of the training pictures. Raises TrainingError.
    """
    asked = parse(asked)
    if asked is None:
        return None
    if isinstance(asked, str):
        n = np.bincount(labels[labels >= 0], minlength=len(classes))
        return np.where(n > 0, n.sum() / (np.count_nonzero(n) * np.maximum(n, 1)), 0.0).tolist()  # (1)
    if isinstance(asked, Mapping):
        for name in asked:
            _SETTINGS.check_known(name, classes)
        asked = [asked.get(name, 1.0) for name in classes]
    if len(asked) != len(classes):
        raise TrainingError(mismatch(_WHO, f"one for each of {counted(len(classes), 'class')}", len(asked)))
    if not any(asked):
        raise TrainingError(mismatch(_WHO, "one above 0", "0 for all"))
    return list(asked)


def to_setting(asked: Asked) -> Asked:
    """`asked` for a run's arguments, which `parse` reads."""
    return parse(asked) or "none"

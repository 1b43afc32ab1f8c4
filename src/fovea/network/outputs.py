"""What comes out of a network: one thing as it is, or several as a dict by the names of the outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Shape
from fovea.network.inputs import batch_of
from fovea.ranges import short


def joined(names: Sequence[str], parts: Sequence[Any]) -> Any:
    """One part for each output as a whole: a dict, or the part itself where the output has no name."""
    return dict(zip(names, parts, strict=True)) if names else parts[0]


def parted(names: Sequence[str], whole: Any) -> list[Any]:
    """The part of each output of what `joined` has made."""
    return [whole[name] for name in names] if names else [whole]


def gradients_of(dZ: Any, shapes: Mapping[str, Shape], who: str) -> dict[str, np.ndarray]:
    """The gradients (N, …) of named outputs, of these `shapes` for one picture. Those that are missing count
    as 0. Raises ShapeError, in the name of `who`, for anything else."""
    known = ", ".join(shapes)
    if not isinstance(dZ, Mapping) or not dZ:
        got = "none" if isinstance(dZ, Mapping) else type(dZ).__name__
        raise ShapeError(mismatch(who, f"dZ as a dict by output ({known})", got))
    found = {name: np.asarray(part) for name, part in dZ.items()}
    count = next(iter(found.values())).shape[:1]
    for name, part in found.items():
        if name not in shapes:
            raise ShapeError(mismatch(who, f"dZ of its outputs ({known})", short(name)))
        if part.shape != (*count, *shapes[name]):
            expected = f"dZ {batch_of(shapes[name])} of {name}, N the same for all"
            raise ShapeError(mismatch(who, expected, part.shape))
    return found

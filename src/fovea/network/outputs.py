"""A network's outputs: one array if the output has no name, else a dict by the outputs' names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Shape
from fovea.losses import Late
from fovea.network.inputs import batch_of
from fovea.ranges import short


def pack_outputs(names: Sequence[str], parts: Sequence[Any]) -> Any:
    """`parts`, one per output, as a dict by `names`; without names the only part itself."""
    return dict(zip(names, parts, strict=True)) if names else parts[0]


def unpack_outputs(names: Sequence[str], packed: Any) -> list[Any]:
    """The inverse of `pack_outputs`: one part per output."""
    return [packed[name] for name in names] if names else [packed]


def checked_gradients(dZ: Any, shapes: Mapping[str, Shape], who: str) -> dict[str, Any]:
    """dZ as arrays (N, *shape), or `Late` ones, by the outputs' names; `shapes` are those for one picture. An
    output may be missing, its gradient is 0. Raises ShapeError, in the name of `who`, for anything else."""
    known = ", ".join(shapes)
    if not isinstance(dZ, Mapping) or not dZ:
        got = "none" if isinstance(dZ, Mapping) else type(dZ).__name__
        raise ShapeError(mismatch(who, f"dZ as a dict by output ({known})", got))
    gradients = {name: part if isinstance(part, Late) else np.asarray(part) for name, part in dZ.items()}
    batch = next(iter(gradients.values())).shape[:1]
    for name, part in gradients.items():
        if name not in shapes:
            raise ShapeError(mismatch(who, f"dZ of its outputs ({known})", short(name)))
        if part.shape != (*batch, *shapes[name]):
            expected = f"dZ {batch_of(shapes[name])} of {name}, N the same for all"
            raise ShapeError(mismatch(who, expected, part.shape))
    return gradients

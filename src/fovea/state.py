"""Where a run stands, in one file from which it goes on to the same bits.

Every random draw of a training comes from a generator that is made for it from the seed, the epoch and the
step, so that there is no random state to keep: the position says it all.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fovea.errors import DataError, TrainingError, mismatch
from fovea.files import write_whole


@dataclass
class Position:
    """Where a run stands: `step` steps of epoch `epoch` are done, and these are their sums."""

    epoch: int = 1
    step: int = 0
    loss_sum: float = 0.0  # of every example that counted
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0  # not reproducible, of course
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)  # a row of results.csv for each whole epoch


_FORMAT = "1"


def write(path: Path, position: Position, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `position` and `arrays` to one file, together with the settings that must not change on the way."""
    from safetensors.numpy import save

    text = {"fovea_state": _FORMAT, "position": json.dumps(asdict(position)), "settings": json.dumps(settings)}
    write_whole(path, save(dict(arrays), text))


def read(path: Path, settings: Mapping[str, Any]) -> tuple[Position, dict[str, np.ndarray]]:
    """What `write` wrote. DataError where the file is not one; TrainingError for other settings."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            text = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except FileNotFoundError:
        raise DataError(mismatch(str(path), "the state of a run", "no such file")) from None
    except SafetensorError as error:
        raise DataError(mismatch(str(path), "the state of a run", f"a damaged file ({error})")) from error
    if text.get("fovea_state") != _FORMAT:
        raise DataError(mismatch(str(path), "the state of a run", "another safetensors file"))
    for name, was in json.loads(text["settings"]).items():
        now = json.loads(json.dumps(settings.get(name)))
        if now != was:
            raise TrainingError(mismatch(f"resuming {path.parent}", f"{name} {was}", now, "start a new run for this"))
    return Position(**json.loads(text["position"])), arrays

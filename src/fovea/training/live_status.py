"""The live status of a run within an epoch: one small file, rewritten about twice a second.

`pulse.safetensors` has the filters of the first convolution, and in its metadata the position, the measures
that the task shows, and their curves on the training pictures so far. It is only for watching: runs are not
resumed from it, it is not synced, and the training continues if it cannot be written.
"""

from contextlib import suppress
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fovea.errors import DataError
from fovea.files import jsons
from fovea.files.tensors import read_tensors, write_tensors
from fovea.layers import Conv2D
from fovea.network import Network
from fovea.ranges import whole
from fovea.training.measure import Measure
from fovea.training.run_folder import Folder

if TYPE_CHECKING:
    from fovea.training.position import Position
    from fovea.training.task import Task

EVERY = 0.5  # seconds
SHARE, RAREST = 0.005, 5.0  # at most this share of the time is spent on it, but it is written every 5 seconds
MOST_POINTS = 400  # of the curve: with more, every other one is dropped
MOST_NUMBERS = 65_536  # of the filters

_WORDS, _FLAGS = ("name", "title"), ("share", "rises")  # of a measure

Point = tuple[float, ...]  # epochs done, and the measures' means since the point before


class Pulse:
    """Writes the pulse of a run of `network` for `task` to `folder`, if there is one; the run starts or
    resumes at `position`, and an epoch has `steps` steps."""

    def __init__(
        self, folder: Folder | None, network: Network, task: "Task", position: "Position", steps: int
    ) -> None:
        self.measures, self.columns = task.panels(), [measure.name for measure in task.learned]
        self.path, self.network, self.steps = folder and folder.pulse, network, steps
        self.due = perf_counter() + EVERY
        begun = position.epoch - 1 + position.step / steps
        known = read(self.path)[0] if self.path else {}
        points = known["points"] if known.get("columns") == self.columns else []
        self.points: list[Point] = [point for point in points if point[0] <= begun]
        self.before = position.epoch, dict(position.sums), position.seen
        if self.path:
            with suppress(DataError):
                self._write(self.path, position)

    def step(self, position: "Position") -> None:
        """Called after each step; usually this only checks the clock."""
        if self.path is None or (now := perf_counter()) < self.due:
            return
        self._add(position)
        with suppress(DataError):  # saving the run will report the problem
            self._write(self.path, position)
        done = perf_counter()
        self.due = done + max(EVERY, min((done - now) / SHARE, RAREST))

    def _add(self, position: "Position") -> None:
        epoch, sums, seen = self.before
        if position.epoch != epoch:
            sums, seen = {}, 0
        self.before = position.epoch, dict(position.sums), position.seen
        means = [position.sums.get(name, 0) - sums.get(name, 0) for name in self.columns]
        if (counted := position.seen - seen) and all(map(isfinite, means)):
            place = position.epoch - 1 + position.step / self.steps
            self.points.append((place, *(mean / counted for mean in means)))
        if len(self.points) > MOST_POINTS:
            self.points = self.points[(len(self.points) + 1) % 2 :: 2]

    def _write(self, path: Path, position: "Position") -> None:
        first = first_convolution(self.network)
        W = None if first is None else first.parameters["W"]
        filters = {} if W is None or W.size > MOST_NUMBERS else {"filters": W}
        text = {
            "epoch": position.epoch,
            "step": position.step,
            "steps": self.steps,
            "layer": first and first.name,
            "measures": [measure_of(m) for m in self.measures],
            "columns": self.columns,
            "points": [[round(number, 5) for number in point] for point in self.points],
        }
        write_tensors(path, filters, {"pulse": jsons.dumps(text)}, synced=False)


def first_convolution(network: Network) -> Conv2D | None:
    """The layer whose filters are shown while they learn."""
    return next((layer for layer in network.layers if isinstance(layer, Conv2D)), None)


def measure_of(measure: Measure) -> dict[str, Any]:
    """The description of a measure in the live status."""
    return {name: getattr(measure, name) for name in (*_WORDS, *_FLAGS)}


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The content of a pulse, and "filters" (f_H, f_W, C_in, filters) if it has some. Without a readable
    file, {"points": []}."""
    try:
        text, arrays = read_tensors(path)
        found = {"measures": [], **jsons.loads(text["pulse"], str(path))}
        whole(found["epoch"], "pulse", "epoch")
        whole(found["step"], "pulse", "step", 0, whole(found["steps"], "pulse", "steps"))
        if any(array.dtype != np.float32 or array.ndim != 4 for array in arrays.values()):
            return {"points": []}, {}
        columns = [str(name) for name in found["columns"]]
        measures = [
            {**{name: str(m[name]) for name in _WORDS}, **{name: m[name] is True for name in _FLAGS}}
            for m in found["measures"]
        ]
        points = [tuple(map(float, point)) for point in found["points"] if len(point) == 1 + len(columns)]
        return {**found, "columns": columns, "measures": measures, "points": points}, arrays
    except (DataError, OSError, KeyError, TypeError, ValueError):
        return {"points": []}, {}

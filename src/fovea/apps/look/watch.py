"""Watching a run while it trains: by reading the files in its folder, and without writing any.

The training does not know that it is watched. Its files are written whole or not at all, so that reading them
is safe; but the folder may disappear at any moment, which is reported and not an error.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import numpy as np

from fovea import files, images
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import expanded, jsons
from fovea.models import load
from fovea.network import Network
from fovea.tasks import TASKS
from fovea.training import live_status
from fovea.training.run_folder import Folder

GONE = "the run's folder no longer exists"


class Watch:
    """A run's folder, which need not be complete yet. Raises DataError if there is no such folder."""

    def __init__(self, path: Path | str) -> None:
        self.folder = Folder(expanded(path))
        if not self.folder.path.is_dir():
            raise DataError(mismatch(f"run {path}", "the folder of a run", "no such folder"))
        self._version: tuple[int, ...] = ()
        self._network: Network | None = None

    def report(self) -> dict[str, Any]:
        """The progress of the run.

        {"there", "note", "epochs", "measures", "rows", "columns", "points", "now", "finished", "metrics",
        "age", "version"}. measures: {"name", "title", "share", "rises"} of each that the task shows, the main
        one first. rows: those of results.csv as numbers or None. epochs: their number in all. points: (epochs
        done, and the measures in `columns`), the curves within epochs. now: the finished share of this epoch,
        or None. age: seconds since the last file was written. version: changes with the weights. Without the
        folder, `there` is False.
        """
        folder = self.folder
        if not folder.path.is_dir():
            return {
                "there": False, "note": GONE, "measures": [], "rows": [], "columns": [], "points": [],
                "finished": False, "version": None,
            }  # fmt: skip
        metrics, rows, (beat, _) = (
            _json(folder.metrics),
            _rows(folder.results),
            live_status.read(folder.pulse),
        )
        written = max(_stamp(folder.state), _stamp(folder.pulse))
        within = metrics is None and beat.get("epoch") == len(rows) + 1
        return {
            "there": True,
            "note": "" if written else "nothing has been saved here yet",
            "epochs": self._argument("epochs", int),
            "measures": beat.get("measures") or self._measures(),
            "rows": rows,
            "columns": beat.get("columns", []),
            "points": beat["points"],
            "now": beat["step"] / beat["steps"] if within else None,
            "finished": metrics is not None,
            "metrics": metrics,
            "age": max(0.0, time() - written[0] / 1e9) if written else None,
            "version": self.version(),
        }

    def version(self) -> str | None:
        """A text that changes with the weights; None if there are none yet."""
        written = _stamp(self.folder.last)
        return "-".join(map(str, written)) if written else None

    def network(self) -> Network:
        """The network as it was last saved. Raises DataError if there is none."""
        written = _stamp(self.folder.last)
        if not written:
            raise DataError(f"run: {GONE if not self.folder.path.is_dir() else 'no weights were saved yet'}")
        if self._network is None or written != self._version:
            try:
                self._network, self._version = load(self.folder.last), written
            except FoveaError as error:
                raise DataError("run: its last weights cannot be read") from error
        return self._network

    def filters(self) -> tuple[str, np.ndarray] | None:
        """The first convolution's name and its latest W; None if there is none yet."""
        beat, arrays = live_status.read(self.folder.pulse)
        if arrays and _stamp(self.folder.pulse) > _stamp(self.folder.last):
            return beat["layer"], arrays["filters"]
        try:
            network = self.network()
        except DataError:
            return None
        first = live_status.first_convolution(network)
        return first and (first.name, first.parameters["W"])

    def picture(self, seen: str) -> tuple[str, np.ndarray | None]:
        """The version of the picture that the task shows after each epoch, and the picture uint8 (H, W, 3),
        None if the version is `seen` or there is none."""
        path = self.folder.progress
        version = "-".join(map(str, _stamp(path)))
        if version in ("", seen):
            return version, None
        try:
            return version, images.read(path, channels=3)
        except DataError:  # it has just been deleted
            return "", None

    def _measures(self) -> list[dict[str, Any]]:
        """The measures of a run from before pulses listed them."""
        task = TASKS.get(self._argument("task", str) or "")
        return [live_status.measure_of(measure) for measure in task().panels()] if task else []

    def _argument(self, name: str, kind: Callable[[Any], Any]) -> Any:
        """A line of the run's arguments; None if it cannot be read."""
        try:
            return kind(self.folder.read_arguments()[name])
        except (DataError, OSError, KeyError, TypeError, ValueError):
            return None


def _stamp(path: Path) -> tuple[int, ...]:
    """Time of writing, size and inode of a file, to notice changes; () if there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _rows(path: Path) -> list[dict[str, float | None]]:
    try:
        text = files.read(path, "a table").decode()
        return [
            {name: _number(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))
        ]
    except (OSError, DataError, UnicodeDecodeError, csv.Error):
        return []


def _number(cell: Any) -> float | None:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _json(path: Path) -> Any:
    try:
        content = jsons.loads(files.read(path, "JSON"), str(path))
    except (OSError, ValueError):  # DataError is a ValueError
        return None
    return content if isinstance(content, dict) else None

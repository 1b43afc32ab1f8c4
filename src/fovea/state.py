"""Where a run stands: kept on disk, and taken up again to the same bits.

Every random draw of a training comes from a generator that is made for it from the seed, the epoch and the
step, so that there is no random state to keep: the position says it all.

`state.safetensors` alone is the truth. It is written whole, and first; `last.safetensors`,
`best.safetensors` and `results.csv` repeat parts of it for people and are made from it again when the run
goes on. So a kill between two files, or in the middle of one, loses nothing that was saved before.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from fovea.average import Average, Copy
from fovea.data import Splits, write_splits
from fovea.errors import DataError, TrainingError, mismatch
from fovea.network import Network
from fovea.optimizers import Optimizer
from fovea.preprocessing import Preprocessing
from fovea.runs import Folder
from fovea.tensors import read_tensors, write_tensors

Row = dict[str, Any]

_FORMAT = "1"
_OPTIMIZER = "optimizer."  # what the names of its arrays begin with


@dataclass
class Position:
    """`step` steps of epoch `epoch` are done, with these sums; `history` has a row for each whole epoch."""

    epoch: int = 1
    step: int = 0
    loss: float = 0.0  # sums over the examples that counted
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0  # the only thing that is different the next time
    best_epoch: int = 0
    bad: dict[str, str] = field(default_factory=dict)  # pictures that could not be read: file → why
    history: list[Row] = field(default_factory=list)

    def add(self, loss: float, correct: int, counted: int) -> None:
        """One more step: the mean loss of `counted` examples, and how many of them were right."""
        self.step += 1
        self.loss += loss * counted
        self.correct += correct
        self.seen += counted

    def close(self, row: Row) -> bool:
        """The epoch is over, on to the next; returns whether it was the best so far, by `quality`."""
        best = self.best_epoch == 0 or quality(row) > quality(self.history[self.best_epoch - 1])
        self.history.append(row)
        self.best_epoch = self.epoch if best else self.best_epoch
        self.epoch += 1
        self.step, self.loss, self.correct, self.seen, self.seconds = 0, 0.0, 0, 0, 0.0
        return best

    @property
    def waited(self) -> int:
        """How many epochs have passed since the best one."""
        return self.epoch - 1 - self.best_epoch


def quality(row: Row) -> tuple[float, ...]:
    """What the best epoch has most of: accuracy on `val`, then a low loss there; without `val`, the last."""
    if row["val_top1"] is None:
        return (row["epoch"],)
    return row["val_top1"], -inf if row["val_loss"] is None else -row["val_loss"]


class Keeper:
    """Keeps a run: the best that the network was in memory, and all of it in its folder, where it has one.

    Where there is an `average`, it is what is measured, kept as the best, and written to model files.
    `settings` is what must be the same when the run goes on.
    """

    def __init__(
        self,
        folder: Folder | None,
        network: Network,
        optimizer: Optimizer,
        settings: Mapping[str, Any],
        average: Average | None = None,
    ) -> None:
        self.folder, self.network, self.optimizer, self.average = folder, network, optimizer, average
        self.settings = {**settings, "architecture": network.architecture()}
        self.best = Copy(network)

    def begin(self, data: Splits, arguments: Mapping[str, Any]) -> Position:
        """Write which picture is where, the state before the first step, and what is asked for.

        arguments.yaml is last: a folder that has one can be resumed.
        """
        at = Position()
        if self.folder is not None:
            with self.folder.writing():
                write_splits(data, self.folder.splits)
            self.save(at)
            with self.folder.writing():
                self.folder.write_arguments(arguments)
        return at

    def save(self, at: Position) -> None:
        """Write where the run stands. TrainingError where that fails; what was saved before stays."""
        if self.folder is None:
            return
        mean, std = self.network.preprocessing.mean, self.network.preprocessing.std
        arrays = {"mean": np.array(mean), "std": np.array(std), **self._memories()}
        arrays |= {_OPTIMIZER + name: array for name, array in self.optimizer.state().items()}
        with self.folder.writing():
            write(self.folder.state, at, self.settings, arrays)
            self._write_copies(at, best=at.step == 0 and at.best_epoch == at.epoch - 1 > 0)

    def restore(self, data: Splits) -> Position:
        """Take the run up where its folder says that it stands. DataError where the data has changed."""
        assert self.folder is not None
        self.folder.sweep()
        self.folder.check_splits(data)
        at, arrays = read(self.folder.state, self.settings)
        for name, memory in self._memories().items():
            memory[...] = arrays[name]
        self.network.preprocessing = Preprocessing(tuple(arrays["mean"]), tuple(arrays["std"]))
        own = {name: array for name, array in arrays.items() if name.startswith(_OPTIMIZER)}
        self.optimizer.load_state({name.removeprefix(_OPTIMIZER): array for name, array in own.items()})
        with self.folder.writing():
            self._write_copies(at, best=at.best_epoch > 0)
        return at

    def shown(self) -> AbstractContextManager[None]:
        """Within the block, the network is what this training makes: the average, where there is one."""
        return self.average.shown() if self.average else nullcontext()

    def hold(self) -> None:
        """What the network is now is the best so far."""
        with self.shown():
            self.best.take()

    def use_best(self) -> None:
        """Make the network what it was at its best."""
        self.best.give()

    def finish(self, at: Position, measured: Mapping[str, Any]) -> None:
        """Write what the best network came to."""
        if self.folder is not None:
            with self.folder.writing():
                self.folder.write_bad_images(at.bad)
                self.folder.write_json(self.folder.metrics, measured)

    def _memories(self) -> dict[str, np.ndarray]:
        """What the network has learned, at its best too, and on average, by the names in the file."""
        own = {"weights": self.network.memory, "best": self.best.memory}
        return own | ({"average": self.average.memory} if self.average else {})

    def _write_copies(self, at: Position, best: bool) -> None:
        assert self.folder is not None
        with self.shown():
            self.network.save(self.folder.last)
        if best:
            with self.best.shown():
                self.network.save(self.folder.best)
        self.folder.write_bad_images(at.bad)
        if at.history:
            self.folder.write_table(self.folder.results, at.history[0], [row.values() for row in at.history])


def write(path: Path, at: Position, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a position, the settings and the arrays to one file. Raises DataError where it cannot."""
    text = {"fovea_state": _FORMAT, "position": json.dumps(asdict(at)), "settings": json.dumps(settings)}
    write_tensors(path, arrays, text)


def read(path: Path, settings: Mapping[str, Any]) -> tuple[Position, dict[str, np.ndarray]]:
    """What `write` wrote. DataError where the file is not one; TrainingError for other settings."""
    text, arrays = read_tensors(path)
    if text.get("fovea_state") != _FORMAT:
        raise DataError(mismatch(str(path), "the state of a run", "another safetensors file"))
    given = json.loads(json.dumps(settings))  # as it looks after a way through JSON
    for name, was in json.loads(text["settings"]).items():
        if given.get(name) != was:
            remedy = "go on with the same, or start a new run"
            raise TrainingError(
                mismatch(f"run {path.parent}: {name}", _short(was), _short(given.get(name)), remedy)
            )
    return Position(**json.loads(text["position"])), arrays


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"

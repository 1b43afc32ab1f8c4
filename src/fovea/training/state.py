"""Where a run stands: kept on disk, and taken up again to the same bits.

Every random draw of a training comes from a generator that is made for it from the seed, the epoch and the
step, so that there is no random state to keep: the position says it all.

`state.safetensors` alone is the truth. It is written whole, and first; `last.safetensors`,
`best.safetensors` and `results.csv` repeat parts of it for people and are made from it again when the run
goes on. So a kill between two files, or in the middle of one, loses nothing that was saved before.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from fovea.data import Splits, write_splits
from fovea.data.split import relative
from fovea.errors import DataError, FoveaError, TrainingError, mismatch, reason
from fovea.files import jsons
from fovea.files.tensors import checksum, read_tensors, write_tensors
from fovea.names import same, typed
from fovea.network import Network
from fovea.network.checkpoint import network_of
from fovea.optimizers import Optimizer
from fovea.ranges import short
from fovea.training.average import Average, Snapshot
from fovea.training.position import Position
from fovea.training.run_folder import Folder
from fovea.training.task import Task

_FORMAT, _CHECKSUM = "1", "checksum"
# Settings that every state has had; the others came later, or belong to a task.
_SETTINGS = (
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "augment", "seed", "engine",
    "architecture",
)  # fmt: skip
_OPTIMIZER = "optimizer."  # what the names of its arrays begin with


class RunState:
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
        self.best = Snapshot(network)
        self.changed: list[str] = []  # pictures that are others than when the run began

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

    def restore(
        self, data: Splits, task: Task, epochs: int, steps: int, sizes: Mapping[str, int]
    ) -> Position:
        """Resume the run, for `task` and of `epochs` epochs of `steps` steps, where its folder says that it
        stands. `sizes` are those of the arrays that the optimizer steps on, by name. Raises DataError where
        the data has changed, or the state is not what such a run writes; nothing is taken from it then.

        Pictures may have changed within: splits.csv then gets their new digests, and those that could not be
        read are tried again.
        """
        assert self.folder is not None
        assert data.train is not None
        self.folder.sweep()
        self.changed = self.folder.check_splits(data)
        try:
            content, arrays = read(self.folder.state, self.settings)
            at = Position.read(content, task, epochs, steps, len(data.train))
            done = (at.epoch - 1) * steps + at.step
            own = {_OPTIMIZER + name: zeros for name, zeros in self.optimizer.zeros(sizes, done).items()}
            C = np.zeros(self.network.input_shape[-1])
            _check({"mean": C, "std": C, **self._memories(), **own}, arrays)
            if arrays[f"{_OPTIMIZER}steps"][0] != done:
                raise DataError(mismatch("optimizer.steps", done, arrays[f"{_OPTIMIZER}steps"][0]))
            mean, std = (tuple(arrays[name].tolist()) for name in ("mean", "std"))
            preprocessing = replace(self.network.preprocessing, mean=mean, std=std)
        except TrainingError:
            raise
        except FoveaError as error:
            state = self.folder.state
            raise DataError(f"{state}: {reason(error, state)}: {self._left()}") from error
        for name, memory in self._memories().items():
            memory[...] = arrays[name]
        self.network.preprocessing = preprocessing
        own = {name: array for name, array in arrays.items() if name.startswith(_OPTIMIZER)}
        self.optimizer.load_state({name.removeprefix(_OPTIMIZER): array for name, array in own.items()})
        at.bad = _reread(data, at.bad)
        with self.folder.writing():
            write_splits(data, self.folder.splits)
            self._write_copies(at, best=at.best_epoch > 0)
        return at

    def _left(self) -> str:
        """What can still be done where the state is damaged."""
        assert self.folder is not None
        try:
            network_of(self.folder.best, *read_tensors(self.folder.best))
        except FoveaError:
            return "the run cannot go on, start a new one"
        path = typed(self.folder.path)
        return (
            f"the run cannot go on, but {self.folder.best.name} is whole: fovea predict {path} PICTURE, or "
            f"fovea train DATA --model {path}"
        )

    def applied(self) -> AbstractContextManager[None]:
        """Within the block, the network is what this training makes: the average, where there is one."""
        return self.average.applied() if self.average else nullcontext()

    def mark_best(self) -> None:
        """What the network is now is the best so far."""
        with self.applied():
            self.best.capture()

    def restore_best(self) -> None:
        """Make the network what it was at its best."""
        self.best.restore()

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
        with self.applied():
            self.network.save(self.folder.last)
        if best:
            with self.best.applied():
                self.network.save(self.folder.best)
        self.folder.write_bad_images(at.bad)
        if at.history:
            self.folder.write_table(self.folder.results, at.history[0], [row.values() for row in at.history])


def write(path: Path, at: Position, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a position, the settings and the arrays to one file. Raises DataError where it cannot."""
    text = {"fovea_state": _FORMAT, "position": jsons.dumps(asdict(at)), "settings": jsons.dumps(settings)}
    write_tensors(path, arrays, {**text, _CHECKSUM: checksum(arrays, text)})


def read(path: Path, settings: Mapping[str, Any]) -> tuple[Any, dict[str, np.ndarray]]:
    """The position's fields and the arrays that `write` wrote. DataError where the file is none, or changed
    since; TrainingError for other settings. One that was written without a checksum is read, too."""
    text, arrays = read_tensors(path)
    kept = text.pop(_CHECKSUM, None)
    if text.get("fovea_state") != _FORMAT or not {"position", "settings"} <= set(text):
        raise DataError(mismatch(str(path), "the state of a run", "another safetensors file"))
    if kept is not None and kept != checksum(arrays, text):
        raise DataError(mismatch(str(path), f"the contents of its checksum {kept[:8]}…", "others"))
    given = jsons.loads(jsons.dumps(settings), "settings")  # as it looks after a way through JSON
    was = jsons.loads(text["settings"], f"{path}: settings")
    if not isinstance(was, dict):
        raise DataError(mismatch(f"{path}: settings", "names and values", short(was)))
    if missing := [name for name in _SETTINGS if name not in was]:
        raise DataError(mismatch(f"{path}: settings", f"a value for {missing[0]}", "none"))
    for name, value in was.items():
        if given.get(name) != value:
            remedy = "resume with the same, or start a new run"
            raise TrainingError(
                mismatch(f"run {path.parent}: {name}", _short(value), _short(given.get(name)), remedy)
            )
    return jsons.loads(text["position"], f"{path}: position"), arrays


def _check(expected: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise DataError unless `arrays` are of the names, shapes and types of `expected`, and finite."""
    for name in sorted(set(expected) | set(arrays)):
        like, array = expected.get(name), arrays.get(name)
        if like is None or array is None or array.shape != like.shape or array.dtype != like.dtype:
            wanted, got = ("none" if a is None else f"{a.dtype} {a.shape}" for a in (like, array))
            raise DataError(mismatch(f"tensor {name}", wanted, got))
        if not np.isfinite(array).all():
            raise DataError(mismatch(f"tensor {name}", "finite numbers", "NaN or infinity"))


def _reread(data: Splits, paths: Iterable[str]) -> dict[str, str]:
    """Read the pictures of these paths, however the data's folder was written then; returns the bad ones."""
    named = [same(path).replace("\\", "/").split("/") for path in paths]
    ends = {"/".join(names[start:]) for names in named for start in range(len(names))}
    for part in data.parts.values():
        at = [i for i in range(len(part)) if same(relative(part.name_of(i), data.root)) in ends]
        part.read(np.array(at, np.int64))
    return data.bad


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"

"""The state of a run on disk, from which it resumes bit for bit.

Every random draw of a training comes from a generator seeded with the seed, the epoch and the step, so there
is no random state to save: the position suffices.

`state.safetensors` is the one source of truth. It is written whole, and first; `last.safetensors`,
`best.safetensors` and `results.csv` repeat parts of it for people and are rewritten from it when the run
resumes. So a kill between two files, or in the middle of one, loses nothing that was saved before.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from fovea.data import Splits, write_splits
from fovea.data.split import endings, relative
from fovea.errors import DataError, FoveaError, TrainingError, mismatch, reason
from fovea.files import jsons
from fovea.files.tensors import checksum, read_tensors, write_tensors
from fovea.names import same, typed
from fovea.network import Network
from fovea.network.checkpoint import restore
from fovea.optimizers import Optimizer
from fovea.ranges import short
from fovea.training.average import Average, Snapshot
from fovea.training.position import Position
from fovea.training.run_folder import Folder
from fovea.training.setup import Setup
from fovea.training.task import Row

_FORMAT, _CHECKSUM = "1", "checksum"
# Settings that all states have; the others were added later, or belong to a task.
_SETTINGS = (
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "augment", "seed", "engine",
    "architecture",
)  # fmt: skip
_OPTIMIZER = "optimizer."  # the prefix of its arrays


class RunState:
    """Saves a run: the best weights in memory, and everything in its folder, if it has one.

    An `average`, if there is one, is measured, kept as the best, and written to model files instead of the
    weights. `settings` must be the same when the run resumes. `facts` are the network's after an epoch with
    that row.
    """

    def __init__(
        self,
        folder: Folder | None,
        network: Network,
        optimizer: Optimizer,
        settings: Mapping[str, Any],
        average: Average | None = None,
        facts: Callable[[Row], dict[str, Any]] = lambda row: {},
    ) -> None:
        self.facts = facts
        self.folder, self.network, self.optimizer, self.average = folder, network, optimizer, average
        self.settings = {**settings, "architecture": network.architecture()}
        self.best = Snapshot(network)
        self.changed: list[str] = []  # pictures whose content has changed since the run began

    def begin(self, data: Splits, arguments: Mapping[str, Any]) -> Position:
        """Write the splits, the state before the first step, and the arguments.

        arguments.yaml is last: a folder that has one can be resumed.
        """
        position = Position()
        if self.folder is not None:
            with self.folder.writing():
                write_splits(data, self.folder.splits)
            self.save(position)
            with self.folder.writing():
                self.folder.write_arguments(arguments)
        return position

    def save(self, position: Position) -> None:
        """Save the run. Raises TrainingError if that fails; what was saved before is kept."""
        if self.folder is None:
            return
        mean, std = self.network.preprocessing.mean, self.network.preprocessing.std
        arrays = {"mean": np.array(mean), "std": np.array(std), **self._memories()}
        arrays |= {_OPTIMIZER + name: array for name, array in self.optimizer.state().items()}
        with self.folder.writing():
            write(self.folder.state, position, self.settings, arrays)
            self._write_copies(
                position, best=position.step == 0 and position.best_epoch == position.epoch - 1 > 0
            )

    def restore(self, setup: Setup) -> Position:
        """Restore the state of a run with this setup; returns its position.

        `sizes` are those of the arrays that the optimizer updates, by name. Raises DataError if pictures were
        added, removed or moved, or the state does not fit; the network is then unchanged. The content of
        pictures may have changed: splits.csv then gets their new digests, and unreadable ones are tried
        again.
        """
        assert self.folder is not None
        data, task = setup.data, setup.task
        self.folder.sweep()
        self.changed = self.folder.check_splits(data)
        try:
            content, arrays = read(self.folder.state, self.settings)
            position = Position.read(content, task, setup.recipe.epochs, setup.steps, len(setup.train))
            done = setup.done(position.epoch, position.step)
            slots = {
                _OPTIMIZER + name: zeros for name, zeros in self.optimizer.zeros(setup.sizes, done).items()
            }
            C = np.zeros(self.network.input_shape[-1])
            _check({"mean": C, "std": C, **self._memories(), **slots}, arrays)
            if arrays[f"{_OPTIMIZER}steps"][0] != done:
                raise DataError(mismatch("optimizer.steps", done, arrays[f"{_OPTIMIZER}steps"][0]))
            mean, std = (tuple(arrays[name].tolist()) for name in ("mean", "std"))
            preprocessing = replace(self.network.preprocessing, mean=mean, std=std)
        except TrainingError:
            raise
        except FoveaError as error:
            state = self.folder.state
            raise DataError(f"{state}: {reason(error, state)}: {self._remedy()}") from error
        for name, memory in self._memories().items():
            memory[...] = arrays[name]
        self.network.preprocessing = preprocessing
        slots = {name: array for name, array in arrays.items() if name.startswith(_OPTIMIZER)}
        self.optimizer.load_state({name.removeprefix(_OPTIMIZER): array for name, array in slots.items()})
        position.bad = _reread(data, position.bad)
        with self.folder.writing():
            write_splits(data, self.folder.splits)
            self._write_copies(position, best=position.best_epoch > 0)
        return position

    def _remedy(self) -> str:
        """Advice if the state is damaged."""
        assert self.folder is not None
        try:
            restore(self.folder.best, *read_tensors(self.folder.best))
        except FoveaError:
            return "the run cannot be resumed, start a new one"
        path = typed(self.folder.path)
        return (
            f"the run cannot be resumed, but {self.folder.best.name} is whole: "
            f"fovea predict {path} PICTURE, or fovea train DATA --model {path}"
        )

    def applied(self) -> AbstractContextManager[None]:
        """Within the block, the network has the average as its weights, if there is one."""
        return self.average.applied() if self.average else nullcontext()

    def mark_best(self) -> None:
        """Keep the current network as the best so far."""
        with self.applied():
            self.best.capture()

    def restore_best(self, position: Position) -> None:
        """Give the network its best weights, and their facts."""
        self.best.restore()
        self._know(position, position.best_epoch)

    def finish(self, position: Position, measured: Mapping[str, Any]) -> None:
        """Write the results of the best network."""
        if self.folder is not None:
            with self.folder.writing():
                self.folder.write_bad_images(position.bad)
                self.folder.write_json(self.folder.metrics, measured)

    def _know(self, position: Position, epoch: int) -> None:
        """Give the network the facts after that epoch; it keeps its own before the first."""
        if epoch:
            self.network.facts = self.facts(position.history[epoch - 1])

    def _memories(self) -> dict[str, np.ndarray]:
        """The current, the best and the average weights, by their names in the file."""
        memories = {"weights": self.network.memory, "best": self.best.memory}
        return memories | ({"average": self.average.memory} if self.average else {})

    def _write_copies(self, position: Position, best: bool) -> None:
        assert self.folder is not None
        self._know(position, len(position.history))
        with self.applied():
            self.network.save(self.folder.last)
        if best:
            self._know(position, position.best_epoch)
            with self.best.applied():
                self.network.save(self.folder.best)
        self.folder.write_bad_images(position.bad)
        if position.history:
            self.folder.write_table(
                self.folder.results, position.history[0], [row.values() for row in position.history]
            )


def write(
    path: Path, position: Position, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a position, the settings and the arrays to one file. Raises DataError."""
    text = {
        "fovea_state": _FORMAT,
        "position": jsons.dumps(asdict(position)),
        "settings": jsons.dumps(settings),
    }
    write_tensors(path, arrays, {**text, _CHECKSUM: checksum(arrays, text)})


def read(path: Path, settings: Mapping[str, Any]) -> tuple[Any, dict[str, np.ndarray]]:
    """The position's fields and the arrays that `write` wrote. Raises DataError for another or a damaged
    file, and TrainingError for other settings. Files without a checksum, of older versions, are valid."""
    text, arrays = read_tensors(path)
    kept = text.pop(_CHECKSUM, None)
    if text.get("fovea_state") != _FORMAT or not {"position", "settings"} <= set(text):
        raise DataError(mismatch(str(path), "the state of a run", "another safetensors file"))
    if kept is not None and kept != checksum(arrays, text):
        raise DataError(mismatch(str(path), f"the contents of its checksum {kept[:8]}…", "others"))
    given = jsons.loads(jsons.dumps(settings), "settings")  # as they look after a round trip through JSON
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
    """Read the pictures of these paths, even if the data's folder was named differently; returns the bad
    ones."""
    ends = endings(paths)
    for part in data.parts.values():
        indices = [i for i in range(len(part)) if same(relative(part.name_of(i), data.root)) in ends]
        part.read(np.array(indices, np.int64))
    return data.bad


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"

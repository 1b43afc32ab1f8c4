"""The folder of a run.

runs/classify/train/     the next one is train2, then train3: none is ever overwritten
    arguments.yaml       the arguments of the run
    splits.csv           the split of each picture
    earlier_splits.csv   the same of earlier runs that the network comes from
    duplicates.csv       the pictures that are in more than one part
    results.csv          a line per epoch
    bad_images.csv       the pictures that could not be read, with the reasons
    best.safetensors     the model that is best on the validation set
    last.safetensors     the model after the last epoch, or where the run was stopped
    pulse.safetensors    the live status within an epoch
    state.safetensors    weights, best weights, optimizer and position, to resume
    metrics.json         the best model on the test set
    progress.png         the network at work after the last epoch, if the task shows it
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from fovea import files
from fovea.data import Record, Splits
from fovea.data.listing import is_record
from fovea.data.record import rows_of
from fovea.errors import DataError, TrainingError, mismatch
from fovea.files import csvs, jsons, write_whole, yamls
from fovea.names import same, typed
from fovea.training.arguments import checked

PROGRESS = "progress.png"
# The temporary names of `write_whole` for the files of a run
_TEMPORARY = re.compile(r"\.\w+\.(?:yaml|csv|json|png|safetensors)\.\w{8}\.\w+")


@dataclass(frozen=True)
class Folder:
    """The paths of a run's files, and functions that write the small ones; `writing` handles errors.
    `command` resumes the run."""

    path: Path
    command: str = "train"

    arguments = property(lambda self: self.path / "arguments.yaml")
    splits = property(lambda self: self.path / "splits.csv")
    earlier_splits = property(lambda self: self.path / "earlier_splits.csv")
    duplicates = property(lambda self: self.path / "duplicates.csv")
    results = property(lambda self: self.path / "results.csv")
    bad_images = property(lambda self: self.path / "bad_images.csv")
    best = property(lambda self: self.path / "best.safetensors")
    last = property(lambda self: self.path / "last.safetensors")
    state = property(lambda self: self.path / "state.safetensors")
    pulse = property(lambda self: self.path / "pulse.safetensors")
    metrics = property(lambda self: self.path / "metrics.json")
    progress = property(lambda self: self.path / PROGRESS)
    resuming = property(lambda self: f"fovea {self.command} --resume {typed(self.path)}")

    @classmethod
    def create(cls, task: str, name: str, root: Path | str = "runs") -> "Folder":
        """A new folder `root/task/name`, or `name2`, `name3` … Raises DataError if it cannot be created."""
        for number in count(1):
            path = Path(root) / task / (name if number == 1 else f"{name}{number}")
            try:
                path.mkdir(parents=True)  # two runs that start together get two folders
                break
            except FileExistsError:
                continue
            except OSError as error:
                raise _unusable(path, error) from error
        return cls(path)

    @classmethod
    def create_at(cls, path: Path | str) -> "Folder":
        """The folder `path`, new or empty. Raises DataError if it cannot be created, or is not empty."""
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(path, error) from error
        cls.check_free(path)
        return cls(path)

    @classmethod
    def check_free(cls, path: Path | str) -> None:
        """Raise DataError if `path` is a folder with files: a check before a long computation."""
        path = Path(path)
        try:
            occupied = path.is_dir() and any(path.iterdir())
        except OSError as error:
            raise _unusable(path, error) from error
        if occupied:
            remedy = "name another"
            if cls(path).state.is_file():
                remedy += "; --resume continues the run that is there"
            raise DataError(
                mismatch(f"run folder {path}", "a new or empty folder", "one with files in it", remedy)
            )

    @classmethod
    def open(cls, path: Path | str) -> "Folder":
        """The existing run folder `path`. Raises DataError if it is not one."""
        folder = cls(Path(path))
        if not folder.arguments.is_file():
            raise DataError(
                mismatch(f"run folder {path}", "a folder with arguments.yaml", _what(folder.path))
            )
        return folder

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn errors of writing files in the block into a TrainingError with a remedy."""
        try:
            yield
        except (OSError, DataError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            remedy = "what was saved before is whole"
            if self.arguments.is_file() and self.state.is_file():
                remedy += f"; when there is room again, resume with: {self.resuming}"
            raise TrainingError(
                mismatch(f"run folder {self.path}", "to write to it", reason, remedy)
            ) from error

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Delete the folder if the block raises before the run can be resumed."""
        try:
            yield
        except BaseException:
            if not self.arguments.is_file():
                self.sweep()
                for file in (self.splits, self.earlier_splits, self.duplicates, self.bad_images, self.best,
                             self.last, self.state):  # fmt: skip
                    file.unlink(missing_ok=True)
                with suppress(OSError):  # it contains files of the user
                    self.path.rmdir()
            raise

    def read_record(self, by_path: bool = False) -> Record | None:
        """The record of the run's parts, `by_path` or not; None if the run has not written it. Raises
        DataError."""
        begun = self.arguments.is_file()  # else a file of that name may be the user's
        if not self.splits.is_file() or not (begun or is_record(self.splits)):
            return None
        groups = self.read_arguments().get("groups") if begun else None
        return Record.read(self.splits, self.earlier_splits, groups, by_path)

    def check_splits(self, data: Splits) -> list[str]:
        """Raise DataError unless `data` has the pictures, splits and classes of splits.csv; returns the
        pictures whose content has changed since."""
        if not self.splits.is_file():
            got, remedy = _what(self.splits), "put it back, or start a new run"
            raise DataError(
                mismatch(str(self.splits), "the table of which picture is in which part", got, remedy)
            )
        record = self.read_record()
        had, now = record.rows if record else (), rows_of(data)
        if [tuple(map(same, row[:3])) for row in had] != [tuple(map(same, row[:3])) for row in now]:
            remedy = "start a new run with what is there now"
            got = "pictures that were added, removed or moved since"
            raise DataError(mismatch(f"data {data.name}", f"what {self.splits} lists", got, remedy))
        return [row.file for row, was in zip(now, had, strict=True) if was.digest not in ("", row.digest)]

    def write_arguments(self, arguments: Mapping[str, Any]) -> None:
        write_whole(self.arguments, yamls.dumps(arguments))

    def read_arguments(self) -> dict[str, Any]:
        """The content of arguments.yaml. Raises DataError if it cannot be read, or a value is invalid."""
        content = files.read(self.arguments, "the arguments of a run", yamls.LIMIT)
        return checked(yamls.loads(content, str(self.arguments)), str(self.arguments))

    def write_bad_images(self, bad: Mapping[str, str]) -> None:
        self.write_table(self.bad_images, ("file", "reason"), sorted(bad.items()))

    def read_bad_images(self) -> list[str]:
        """The pictures in bad_images.csv; none if it cannot be read."""
        try:
            return [row["file"] for row in csvs.loads(files.read(self.bad_images, "a table"))]
        except (OSError, DataError, KeyError):
            return []

    def write_json(self, path: Path, content: Any) -> None:
        text = jsons.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_whole(path, text.encode("utf-8", "backslashreplace"))  # bytes that are not text become \udcff

    def write_table(self, path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """A CSV file with a header line."""
        write_whole(path, csvs.dumps(columns, rows))

    def sweep(self) -> None:
        """Delete temporary files left by a kill in the middle of a write."""
        for left in self.path.iterdir():
            if _TEMPORARY.fullmatch(left.name) and left.is_file():
                left.unlink(missing_ok=True)


@dataclass(frozen=True)
class Run:
    """The result of a training.

    history: a dict for each epoch, with the columns of results.csv. metrics: of the best network, as in
    metrics.json. details: further results of the task; for a classifier the confusion matrix, true classes by
    predicted. bad: file → why it could not be read. folder: the run folder, if there is one.
    """

    history: list[dict[str, Any]]
    best_epoch: int
    metrics: dict[str, Any]
    details: Any
    bad: dict[str, str]
    folder: Folder | None


def _what(path: Path) -> str:
    return "a file" if path.is_file() else "a folder without it" if path.is_dir() else "nothing there"


def _unusable(path: Path, error: OSError) -> DataError:
    return DataError(f"run folder {path}: cannot be made ({error.strerror}): choose another with --out")

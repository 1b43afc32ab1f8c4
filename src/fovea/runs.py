"""The folder of a run.

    runs/classify/train/     the next one is train2, then train3: none is ever overwritten
        arguments.yaml       what the run was asked to do
        splits.csv           which picture is in which split, where the data are files
        results.csv          a line an epoch
        bad_images.csv       the pictures that could not be read, and why
        best.safetensors     the model that is best on the validation set
        last.safetensors     the model after the last epoch, or where the run was stopped
        state.safetensors    weights, best weights, optimizer and position: what resuming needs
        metrics.json         the best model on the test set

`state.safetensors` alone is the truth: it is written whole, first, and what else changes during a run is
made from it again when the run is resumed. So a kill between two files loses nothing.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fovea.errors import DataError, mismatch
from fovea.files import write_whole


@dataclass(frozen=True)
class Folder:
    """A run's folder: where its files are, and how the small ones are written. Raises OSError where it cannot."""

    path: Path

    arguments = property(lambda self: self.path / "arguments.yaml")
    splits = property(lambda self: self.path / "splits.csv")
    results = property(lambda self: self.path / "results.csv")
    bad_images = property(lambda self: self.path / "bad_images.csv")
    best = property(lambda self: self.path / "best.safetensors")
    last = property(lambda self: self.path / "last.safetensors")
    state = property(lambda self: self.path / "state.safetensors")
    metrics = property(lambda self: self.path / "metrics.json")

    @classmethod
    def create(cls, task: str, name: str, root: Path | str = "runs") -> "Folder":
        """A new folder `root/task/name`, or `name2`, `name3` … where that is taken."""
        number = 1
        while True:
            path = Path(root) / task / (name if number == 1 else f"{name}{number}")
            try:
                path.mkdir(parents=True)  # fails where it exists: two runs that start together get two folders
                return cls(path)
            except FileExistsError:
                number += 1

    @classmethod
    def create_at(cls, path: Path | str) -> "Folder":
        """The new folder `path`; it may exist if it is empty. DataError where something is in it."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            remedy = "name another, or go on with the run that is there: --resume"
            raise DataError(mismatch(f"run folder {path}", "a new or empty folder", "one with files in it", remedy))
        return cls(path)

    @classmethod
    def open(cls, path: Path | str) -> "Folder":
        """The folder of a run that was begun; DataError where `path` is none."""
        folder = cls(Path(path))
        if not folder.arguments.is_file():
            raise DataError(mismatch(f"run folder {path}", "a folder with arguments.yaml", _what(folder.path)))
        return folder

    def write_arguments(self, arguments: Mapping[str, Any]) -> None:
        import yaml

        write_whole(self.arguments, yaml.safe_dump(dict(arguments), sort_keys=False, allow_unicode=True))

    def read_arguments(self) -> dict[str, Any]:
        """What `write_arguments` wrote; DataError where it cannot be read."""
        import yaml

        try:
            arguments = yaml.safe_load(self.arguments.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise DataError(mismatch(str(self.arguments), "YAML", " ".join(str(error).split()))) from error
        if not isinstance(arguments, dict):
            raise DataError(mismatch(str(self.arguments), "names and values", type(arguments).__name__))
        return arguments

    def write_json(self, path: Path, content: Any) -> None:
        write_whole(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write_table(self, path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A CSV file with a header line."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        write_whole(path, text.getvalue())

    def read_table(self, path: Path) -> list[list[str]]:
        """The lines of a CSV file without its header; none where there is no file."""
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]

    def sweep(self) -> None:
        """Delete the temporary files that a kill in the middle of a write left."""
        for own in (self.arguments, self.splits, self.results, self.bad_images, self.best, self.last,
                    self.state, self.metrics):  # fmt: skip
            for left in self.path.glob(f".{own.name}.*"):
                left.unlink(missing_ok=True)


def _what(path: Path) -> str:
    return "a file" if path.is_file() else "a folder without it" if path.is_dir() else "nothing there"

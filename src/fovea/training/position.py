"""Where a training stands, as it counts and as its state is checked when it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from fovea.errors import DataError, mismatch
from fovea.ranges import number, short, whole

Row = dict[str, Any]

# The columns of results.csv, and the most that a number there may be; the least is 0.
COLUMNS: dict[str, float] = {
    "epoch": inf, "train_loss": inf, "train_top1": 1, "val_loss": inf, "val_top1": 1, "val_top5": 1,
    "seconds": inf, "pictures_per_second": inf,
}  # fmt: skip


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

    @classmethod
    def read(cls, content: Any, epochs: int, steps: int, pictures: int) -> "Position":
        """The position with the fields `content`, in a training of `epochs` epochs of `steps` steps with that
        many pictures. Raises FoveaError for what no such training comes to."""
        names = {field.name for field in fields(cls)}
        if not isinstance(content, dict) or set(content) != names:
            raise DataError(mismatch("position", f"the fields {', '.join(sorted(names))}", short(content)))
        at = cls(**content)
        whole(at.epoch, "position", "epoch", 1, epochs + 1)
        whole(at.step, "position", "step", 0, steps - 1)
        whole(at.seen, "position", "seen", 0, pictures if at.step else 0)
        whole(at.correct, "position", "correct", 0, at.seen)
        for name in ("loss", "seconds"):
            number(getattr(at, name), f"position: {name}", "a number of at least 0", 0)
        if not isinstance(at.bad, dict) or not all(isinstance(why, str) for why in at.bad.values()):
            raise DataError(mismatch("position: bad", "files and reasons", short(at.bad)))
        if not isinstance(at.history, list) or len(at.history) != at.epoch - 1:
            raise DataError(mismatch("position: history", f"{at.epoch - 1} rows", short(at.history)))
        for epoch, row in enumerate(at.history, start=1):
            _check(row, epoch)
        best = whole(at.best_epoch, "position", "best_epoch", 0)
        if best != _best(at.history):
            raise DataError(mismatch("position: best_epoch", _best(at.history), best))
        return at

    def add(self, loss: float, correct: int, counted: int) -> None:
        """One more step: the mean loss of `counted` examples, and how many of them were right."""
        self.step += 1
        self.loss += loss * counted
        self.correct += correct
        self.seen += counted

    def close(self, row: Row) -> bool:
        """The epoch is over, on to the next; returns whether it was the best so far, by `quality`."""
        self.history.append(row)
        before, self.best_epoch = self.best_epoch, _best(self.history)
        self.epoch += 1
        self.step, self.loss, self.correct, self.seen, self.seconds = 0, 0.0, 0, 0, 0.0
        return self.best_epoch != before

    @property
    def waited(self) -> int:
        """How many epochs have passed since the best one."""
        return self.epoch - 1 - self.best_epoch


def quality(row: Mapping[str, Any]) -> tuple[float, ...]:
    """What the best epoch has most of: accuracy on `val`, then a low loss there; without `val`, the last."""
    if row["val_top1"] is None:
        return (row["epoch"],)
    return row["val_top1"], -inf if row["val_loss"] is None else -row["val_loss"]


def _best(history: list[Row]) -> int:
    """The number of the first epoch of the highest quality; 0 where there is none."""
    return max(range(1, len(history) + 1), key=lambda epoch: quality(history[epoch - 1]), default=0)


def _check(row: Any, epoch: int) -> None:
    who = f"position: history, epoch {epoch}"
    if not isinstance(row, dict) or list(row) != list(COLUMNS) or row["epoch"] != epoch:
        raise DataError(mismatch(who, f"the columns {', '.join(COLUMNS)} of this epoch", short(row)))
    measured = [row[name] for name in COLUMNS if name.startswith("val_")]
    for name, most in COLUMNS.items():
        if not (name.startswith("val_") and measured == [None] * 3):
            number(row[name], f"{who}: {name}", "a number of at least 0", 0, most)

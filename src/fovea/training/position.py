"""The position of a training: epoch, step, sums and history; and its check when a run resumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from fovea.errors import DataError, mismatch
from fovea.names import counted
from fovea.ranges import number, short, whole
from fovea.training.task import VAL, Row, Task


@dataclass
class Position:
    """A position after `step` steps of `epoch`; `history` has a row for each finished epoch."""

    epoch: int = 1
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)  # of the measures, over the pictures that counted
    seen: int = 0  # the number of these pictures
    seconds: float = 0.0  # the only field that differs between equal runs
    best_epoch: int = 0
    bad: dict[str, str] = field(default_factory=dict)  # pictures that could not be read: file → why
    history: list[Row] = field(default_factory=list)

    @classmethod
    def read(cls, content: Any, task: Task, epochs: int, steps: int, pictures: int) -> "Position":
        """The position with the fields `content`, in a training for `task` of `epochs` epochs of `steps`
        steps with `pictures` pictures. Raises FoveaError if it is impossible."""
        names = {field.name for field in fields(cls)}
        if task.former and isinstance(content, dict) and set(content) == names - {"sums"} | set(task.former):
            sums = {name: content[field] for field, name in task.former.items()}
            rest = {name: value for name, value in content.items() if name not in task.former}
            content = {**rest, "sums": sums if content["step"] else {}}
        if not isinstance(content, dict) or set(content) != names:
            raise DataError(mismatch("position", f"the fields {', '.join(sorted(names))}", short(content)))
        position = cls(**content)
        whole(position.epoch, "position", "epoch", 1, epochs + 1)
        whole(position.step, "position", "step", 0, steps - 1)
        whole(position.seen, "position", "seen", 0, pictures if position.step else 0)
        number(position.seconds, "position: seconds", "a number of at least 0", 0)
        learned = {measure.name: measure for measure in task.learned} if position.step else {}
        if not isinstance(position.sums, dict) or set(position.sums) != set(learned):
            raise DataError(mismatch("position: sums", ", ".join(learned) or "none", short(position.sums)))
        for name, measure in learned.items():
            least = -inf if measure.least < 0 else 0
            most = position.seen if measure.share else inf
            number(
                position.sums[name],
                f"position: sums, {name}",
                f"a number from {least} to {most}",
                least,
                most,
            )
        if not isinstance(position.bad, dict) or not all(
            isinstance(why, str) for why in position.bad.values()
        ):
            raise DataError(mismatch("position: bad", "files and reasons", short(position.bad)))
        if not isinstance(position.history, list) or len(position.history) != position.epoch - 1:
            raise DataError(
                mismatch("position: history", counted(position.epoch - 1, "row"), short(position.history))
            )
        for epoch, row in enumerate(position.history, start=1):
            _check(row, epoch, task)
        best = whole(position.best_epoch, "position", "best_epoch", 0)
        if best != _best(position.history, task):
            raise DataError(mismatch("position: best_epoch", _best(position.history, task), best))
        return position

    def add(self, loss: float, sums: Mapping[str, float], counted: int) -> None:
        """Count a step: `loss` is the mean over `counted` pictures, `sums` are those of other measures."""
        self.step += 1
        for name, value in {"loss": loss * counted, **sums}.items():
            self.sums[name] = self.sums.get(name, 0) + value
        self.seen += counted

    def mean(self, name: str) -> float:
        """A measure's mean over the pictures of this epoch so far."""
        return self.sums.get(name, 0) / max(self.seen, 1)

    def close(self, row: Row, task: Task) -> bool:
        """Finish the epoch; returns whether it was the best so far."""
        self.history.append(row)
        before, self.best_epoch = self.best_epoch, _best(self.history, task)
        self.epoch += 1
        self.step, self.sums, self.seen, self.seconds = 0, {}, 0, 0.0
        return self.best_epoch != before

    @property
    def waited(self) -> int:
        """The number of epochs since the best one."""
        return self.epoch - 1 - self.best_epoch


def columns(task: Task) -> list[str]:
    """The columns of results.csv."""
    return ["epoch", *task.columns(), "seconds", "pictures_per_second"]


def _best(history: list[Row], task: Task) -> int:
    """The number of the first epoch with the highest quality, or of the last if nothing was measured; 0 if
    there is none."""

    def quality(epoch: int) -> tuple[float, ...]:
        row = history[epoch - 1]
        measured = any(row[VAL + measure.name] is not None for measure in task.measured)
        return task.quality(row) if measured else (epoch,)

    return max(range(1, len(history) + 1), key=quality, default=0)


def _check(row: Any, epoch: int, task: Task) -> None:
    who, names, measures = f"position: history, epoch {epoch}", columns(task), task.columns()
    if not isinstance(row, dict) or list(row) != names or repr(row["epoch"]) != str(epoch):
        raise DataError(mismatch(who, f"the columns {', '.join(names)} of this epoch", short(row)))
    unmeasured = all(row[VAL + measure.name] is None for measure in task.measured)
    for name in names:
        if not (name.startswith(VAL) and unmeasured):
            least, most = (measures[name].least, measures[name].most) if name in measures else (0, inf)
            number(row[name], f"{who}: {name}", f"a number of at least {least:g}", least, most)

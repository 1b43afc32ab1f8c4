"""How a training is shown: as a bar in a terminal, as lines elsewhere.

A step takes about a millisecond, so that at most steps nothing is done but to look at the clock.
"""

import sys
from collections.abc import Mapping, Sequence
from time import perf_counter

from fovea.metrics import Measure
from fovea.names import say, visible
from fovea.training.position import Position
from fovea.training.task import Row, Task

BAR_EVERY = 0.2  # seconds
FIGURES = 70  # columns beside the bar; two more stay free for the ^C that a terminal shows
LINE_EVERY = 30.0  # seconds; the end of an epoch has a line in any case
FIRST_LINE = 3.0  # seconds after the start: by then it shows how long all of it will take


class Progress:
    """Hears how a training goes; these methods do nothing. `step` is called often and must be quick."""

    def note(self, text: str) -> None:
        """A line worth reading."""

    def compiling(self, done: int, total: int, what: str) -> None:
        """`done` of `total` kernels that were missing are compiled."""

    def begin(self, task: Task, at: Position, epochs: int, steps: int) -> None:
        """Training for `task` starts at `at`; an epoch has `steps` steps."""

    def step(self, at: Position) -> None:
        """A step is done."""

    def epoch(self, at: Position) -> None:
        """An epoch is over, measured and saved: `at.history[-1]`."""

    def end(self) -> None:
        """Training is over, in whatever way."""


def shown() -> Progress:
    """What suits standard output."""
    return Bar() if sys.stdout.isatty() else Lines()


class Lines(Progress):
    """A line an epoch, and some on the way where an epoch takes long."""

    every = LINE_EVERY

    def note(self, text: str) -> None:
        say(text)

    def compiling(self, done: int, total: int, what: str) -> None:
        if done == total:
            self.note(f"compiled {total} kernels for this processor; the next start finds them in the cache")

    def begin(self, task: Task, at: Position, epochs: int, steps: int) -> None:
        self.measures, self.epochs, self.steps = task.panels(), epochs, steps
        self.began = perf_counter()
        self.drawn = self.began - max(self.every - FIRST_LINE, 0)
        self.steps_before, self.seen_before, self.epoch_began = self._steps(at), at.seen, self.began

    def step(self, at: Position) -> None:
        now = perf_counter()
        if now - self.drawn >= self.every:
            self.drawn = now
            self.draw(at, now)

    def draw(self, at: Position, now: float) -> None:
        self.note(f"epoch {at.epoch}/{self.epochs} at {at.step / self.steps:.0%}  {self.figures(at, now)}")

    def epoch(self, at: Position) -> None:
        self.note(summary(at.history[-1], self.epochs, self.measures))
        self.seen_before, self.epoch_began = 0, perf_counter()

    def figures(self, at: Position, now: float) -> str:
        """What is known in the middle of an epoch."""
        done = self._steps(at)
        left = (now - self.began) / max(done - self.steps_before, 1) * (self.epochs * self.steps - done)
        speed = (at.seen - self.seen_before) / max(now - self.epoch_began, 1e-9)
        means = {measure.name: at.mean(measure.name) for measure in self.measures if measure.name in at.sums}
        learned = _part("train", means, self.measures)
        return f"{learned}  {speed:,.0f} pictures/s  {clock(left)} left"

    def _steps(self, at: Position) -> int:
        return (at.epoch - 1) * self.steps + at.step


class Bar(Lines):
    """A bar for the epoch; the lines of those before stay above it."""

    every = BAR_EVERY

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        console = Console()
        bar = BarColumn(min(max(console.width - FIGURES, 6), 40))
        columns = (
            TextColumn("{task.description}", markup=False),
            bar,
            TextColumn("{task.fields[figures]}", markup=False),
        )
        # Without a thread of its own, which would take time from the steps.
        self.bar = RichProgress(*columns, console=console, auto_refresh=False, transient=True)
        self.task = self.bar.add_task("", total=1, figures="", visible=False)

    def note(self, text: str) -> None:
        from rich.text import Text

        self.bar.console.print(Text(visible(text)), soft_wrap=True)

    def compiling(self, done: int, total: int, what: str) -> None:
        self._draw("compiling", done, total, f"{done} of {total} kernels, once: {what}")
        if done == total:
            self.bar.update(self.task, visible=False, refresh=True)

    def begin(self, task: Task, at: Position, epochs: int, steps: int) -> None:
        super().begin(task, at, epochs, steps)
        self._draw(f"epoch {at.epoch}/{epochs}", at.step, steps, "")

    def draw(self, at: Position, now: float) -> None:
        self._draw(f"epoch {at.epoch}/{self.epochs}", at.step, self.steps, self.figures(at, now))

    def end(self) -> None:
        self.bar.stop()

    def _draw(self, title: str, done: int, total: int, figures: str) -> None:
        if not self.bar.live.is_started:
            self.bar.start()
        self.bar.update(
            self.task,
            description=title,
            completed=done,
            total=total,
            figures=figures,
            visible=True,
            refresh=True,
        )


def summary(row: Row, epochs: int, measures: Sequence[Measure]) -> str:
    """An epoch that is over, in one line that a terminal of 80 columns holds."""
    words = [f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}"]
    for part in ("train", "val"):
        values = {measure.name: row.get(f"{part}_{measure.name}") for measure in measures}
        words += [_part(part, values, measures)] if any(v is not None for v in values.values()) else []
    return "  ".join([*words, f"{row['pictures_per_second']:,} pictures/s"])


def _part(name: str, values: Mapping[str, float | None], measures: Sequence[Measure]) -> str:
    shown = [(measure, values.get(measure.name)) for measure in measures]
    return " ".join([name, *(measure.text(value) for measure, value in shown if value is not None)])


def clock(seconds: float) -> str:
    """2:03, from an hour on 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

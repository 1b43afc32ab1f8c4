"""The display of a training: a bar in a terminal, lines elsewhere.

A step takes about a millisecond, so most steps only check the clock.
"""

import sys
from collections.abc import Mapping, Sequence
from time import perf_counter

from fovea.names import counted, say, visible
from fovea.training.measure import Measure
from fovea.training.position import Position
from fovea.training.task import Row, Task

BAR_EVERY = 0.2  # seconds
FIGURES = 70  # columns beside the bar; two more stay free for the terminal's ^C
LINE_EVERY = 30.0  # seconds; the end of an epoch always has a line
FIRST_LINE = 3.0  # seconds after the start: the time left is known by then


class Progress:
    """The methods that a training calls; here they do nothing. `step` is called often and must be fast."""

    def note(self, text: str) -> None:
        """Called with a line to print."""

    def compiling(self, done: int, total: int, what: str) -> None:
        """Called after `done` of `total` missing kernels are compiled."""

    def working(self, what: str, done: int, total: int) -> None:
        """Called after `done` of `total` pictures in other work on them, such as computing features."""

    def ahead(self, epochs: int, seconds: float) -> None:
        """Called before the task's fit: the `epochs` after it will take about `seconds`."""

    def begin(self, task: Task, position: Position, epochs: int, steps: int) -> None:
        """Called before training for `task` starts at `position`; an epoch has `steps` steps."""

    def step(self, position: Position) -> None:
        """Called after each step."""

    def epoch(self, position: Position) -> None:
        """Called after an epoch is measured and saved, with its row `position.history[-1]`."""

    def end(self) -> None:
        """Called when training ends, also by an error."""


def shown() -> Progress:
    """The display for standard output."""
    return Bar() if sys.stdout.isatty() else Lines()


class Lines(Progress):
    """A line per epoch, and more during long epochs."""

    every = LINE_EVERY
    later = 0.0  # seconds that the epochs after the fit will take

    def note(self, text: str) -> None:
        say(text)

    def compiling(self, done: int, total: int, what: str) -> None:
        if done == total:
            kernels = counted(total, "kernel")
            self.note(f"compiled {kernels} for this processor; the next start finds them in the cache")

    def working(self, what: str, done: int, total: int) -> None:
        now, (begun, before) = perf_counter(), self.work
        if what != self.worked:
            self.worked, self.work, self.drawn = what, (now, done), now - max(self.every - FIRST_LINE, 0)
        elif now - self.drawn >= self.every and done > before:
            self.drawn = now
            self.draw_work(what, done, total, (now - begun) / (done - before) * (total - done))

    def draw_work(self, what: str, done: int, total: int, left: float) -> None:
        self.note(f"{what}: {self.work_figures(done, total, left)}")

    def work_figures(self, done: int, total: int, left: float) -> str:
        """The pictures done, and the time left for the others and for the epochs after them."""
        later = f", {clock(left + self.later)} with all epochs" if self.later else ""
        return f"{done:,} of {counted(total, 'picture')}  {clock(left)} left{later}"

    def ahead(self, epochs: int, seconds: float) -> None:
        self.later = seconds
        self.note(f"after the fit, {counted(epochs, 'epoch')} in about {clock(seconds)}")

    def begin(self, task: Task, position: Position, epochs: int, steps: int) -> None:
        self.worked, self.work = "", (0.0, 0)
        self.measures, self.epochs, self.steps = task.panels(), epochs, steps
        self.began = perf_counter()
        self.drawn = self.began - max(self.every - FIRST_LINE, 0)
        self.steps_before, self.seen_before, self.epoch_began = (
            self._steps(position),
            position.seen,
            self.began,
        )

    def step(self, position: Position) -> None:
        now = perf_counter()
        if now - self.drawn >= self.every:
            self.drawn = now
            self.draw(position, now)

    def draw(self, position: Position, now: float) -> None:
        epoch, share = f"{position.epoch}/{self.epochs}", position.step / self.steps
        self.note(f"epoch {epoch} at {share:.0%}  {self.figures(position, now)}")

    def epoch(self, position: Position) -> None:
        self.note(summary(position.history[-1], self.epochs, self.measures))
        self.seen_before, self.epoch_began = 0, perf_counter()
        self.began, self.steps_before = self.epoch_began, self._steps(position)

    def figures(self, position: Position, now: float) -> str:
        """The measures so far, the speed and the time left, in the middle of an epoch."""
        done = self._steps(position)
        left = (now - self.began) / max(done - self.steps_before, 1) * (self.epochs * self.steps - done)
        speed = (position.seen - self.seen_before) / max(now - self.epoch_began, 1e-9)
        means = {
            measure.name: position.mean(measure.name)
            for measure in self.measures
            if measure.name in position.sums
        }
        learned = _part("train", means, self.measures)
        return f"{learned}  {speed:,.0f} pictures/s  {clock(left)} left"

    def _steps(self, position: Position) -> int:
        return (position.epoch - 1) * self.steps + position.step


class Bar(Lines):
    """A bar for the current epoch, below the lines of earlier ones."""

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
        # Without its refreshing thread, which would take time from the steps.
        self.bar = RichProgress(*columns, console=console, auto_refresh=False, transient=True)
        self.task = self.bar.add_task("", total=1, figures="", visible=False)

    def note(self, text: str) -> None:
        from rich.text import Text

        self.bar.console.print(Text(visible(text)), soft_wrap=True)

    def compiling(self, done: int, total: int, what: str) -> None:
        self._draw("compiling", done, total, f"{done} of {counted(total, 'kernel')}, once: {what}")
        if done == total:
            self.bar.update(self.task, visible=False, refresh=True)

    def begin(self, task: Task, position: Position, epochs: int, steps: int) -> None:
        super().begin(task, position, epochs, steps)
        self._draw(f"epoch {position.epoch}/{epochs}", position.step, steps, "")

    def draw(self, position: Position, now: float) -> None:
        self._draw(
            f"epoch {position.epoch}/{self.epochs}", position.step, self.steps, self.figures(position, now)
        )

    def draw_work(self, what: str, done: int, total: int, left: float) -> None:
        self._draw(what, done, total, self.work_figures(done, total, left))

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
    """A finished epoch in a line of at most 80 columns."""
    words = [f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}"]
    for part in ("train", "val"):
        values = {measure.name: row.get(f"{part}_{measure.name}") for measure in measures}
        words += [_part(part, values, measures)] if any(v is not None for v in values.values()) else []
    return "  ".join([*words, f"{row['pictures_per_second']:,} pictures/s"])


def _part(name: str, values: Mapping[str, float | None], measures: Sequence[Measure]) -> str:
    shown = [(measure, values.get(measure.name)) for measure in measures]
    return " ".join([name, *(measure.text(value) for measure, value in shown if value is not None)])


def clock(seconds: float) -> str:
    """2:03, or 1:02:03 from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

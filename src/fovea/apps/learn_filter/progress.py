"""Progress of learning a filter: a live table in a terminal, lines elsewhere."""

import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from fovea.names import figure, say, visible

REDRAW = 0.1  # seconds
FIRST_STEPS = (0, 1, 2, 5)  # times powers of ten: the steps with a line
CHANNELS = ("red", "green", "blue")
MOST_SHOWN, WIDEST = 3, 7  # filters, and their columns: more would not fit


class Reporter:
    """The methods that `learn_filter.learn` calls; this base class prints nothing."""

    def note(self, text: str) -> None:
        """Called with a line to print."""

    def begin(self, names: Sequence[str], true: np.ndarray | None) -> None:
        """Called before the first step, with the `true` filters (f, f, C, F) if they are known."""

    def step(self, step: int, loss: float, W: np.ndarray, error: float | None) -> None:
        """Called with W (f, f, C, F) before a step, its loss, and its largest error if that is known."""

    def end(self) -> None:
        """Called after the last step, or an error."""


def shown() -> Reporter:
    """The reporter for standard output."""
    return Table() if sys.stdout.isatty() else Lines()


class Lines(Reporter):
    """A line for step 0, 1, 2, 5, 10, 20, 50 and so on."""

    def note(self, text: str) -> None:
        say(text)

    def step(self, step: int, loss: float, W: np.ndarray, error: float | None) -> None:
        if step // 10 ** max(len(str(step)) - 1, 0) in FIRST_STEPS and not int(str(step)[1:] or 0):
            self.note(figures(step, loss, error))


class Table(Lines):
    """The same, and below it the numbers of the filters beside the true ones."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = Console()
        # Without its refreshing thread, which would take time from the steps.
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.drawn = 0.0

    def note(self, text: str) -> None:
        from rich.text import Text

        self.console.print(Text(visible(text)), soft_wrap=True)

    def begin(self, names: Sequence[str], true: np.ndarray | None) -> None:
        self.names, self.true = names, true
        self.live.start()

    def step(self, step: int, loss: float, W: np.ndarray, error: float | None) -> None:
        super().step(step, loss, W, error)
        if perf_counter() - self.drawn >= REDRAW:
            self.drawn = perf_counter()
            self.live.update(self._table(step, loss, W, error), refresh=True)

    def end(self) -> None:
        self.live.stop()

    def _table(self, step: int, loss: float, W: np.ndarray, error: float | None) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 4, 0, 0))
        table.add_column("learned")
        if self.true is not None:
            table.add_column("true")
        for number, name in list(enumerate(self.names))[:MOST_SHOWN]:
            cells = [text(W, number)] + ([] if self.true is None else [text(self.true, number)])
            table.add_row(*(Text(f"{name}\n{cell}") for cell in cells))
        return Group(Text(figures(step, loss, error)), table)


def figures(step: int, loss: float, error: float | None) -> str:
    """A step in one line."""
    words = f"step {step:5}  loss {loss:9.3g}"
    return words if error is None else f"{words}  largest error of the filter {figure(error, 5)}"


def text(W: np.ndarray, number: int) -> str:
    """Filter `number` of W, (f, f) or (f, f, 3), in rows."""
    f_H, f_W, depth, _ = W.shape
    if f_W > WIDEST:
        return f"  {f_H}×{f_W}×{depth} numbers"
    lines = []
    for k in range(depth):
        lines += [f"  from {CHANNELS[k]}"] if depth > 1 else []
        lines += ["".join(map(decimals, row)) for row in W[:, :, k, number].tolist()]
    return "\n".join(lines)


def decimals(value: float) -> str:
    """`value` with three decimals, in nine columns; −0 is 0."""
    return f"{round(value, 3) + 0.0:9.3f}".replace("-", "−")

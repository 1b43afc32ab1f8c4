"""A progress bar for work that is usually quick, but sometimes takes minutes."""

import sys
from time import perf_counter
from types import TracebackType
from typing import Self

PATIENCE = 1.0  # seconds before a bar appears and rich is imported


class Counter:
    """A callable (done, total) that draws a bar on standard error, if that is a terminal."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar = None

    def __enter__(self) -> Self:
        self.shown = perf_counter() + PATIENCE if sys.stderr.isatty() else float("inf")
        return self

    def __call__(self, done: int, total: int) -> None:
        now = perf_counter()
        if now < self.shown:
            return
        self.shown = now + 0.2
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            console = Console(stderr=True)
            self.bar = Progress(*columns, console=console, auto_refresh=False, transient=True)
            self.task = self.bar.add_task(self.title, total=total)
            self.bar.start()
        self.bar.update(self.task, description=self.title, completed=done, total=total, refresh=True)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.stop()

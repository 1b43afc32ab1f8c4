"""A progress bar for work that is usually quick, but sometimes takes minutes."""

import sys
from collections.abc import Callable, Iterable
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np
    from rich.console import RenderableType
    from rich.progress import Progress

PATIENCE = 1.0  # seconds before a bar appears and rich is imported
EVERY, WITH_PICTURE = 0.2, 0.5  # seconds between two refreshes, at least
SHARE = 0.05  # of the time, at most, goes into pictures


class Counter:
    """A callable (done, total) that draws a bar on standard error, if that is a terminal. Above it is the
    `picture` uint8 (H, W, 3) of the work so far, if that is set and the terminal has colours."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.picture: Callable[[], np.ndarray] | None = None
        self._bar: Progress | None = None
        self._drawn: RenderableType | None = None
        self._next = 0.0

    def __enter__(self) -> Self:
        self._shown = perf_counter() + PATIENCE if sys.stderr.isatty() else float("inf")
        return self

    def __call__(self, done: int, total: int) -> None:
        now = perf_counter()
        if now < self._shown:
            return
        self._shown = now + (EVERY if self._drawn is None else WITH_PICTURE)
        if self._bar is None:
            self._bar = _bar(lambda: self._drawn)
            self._task = self._bar.add_task(self.title, total=total)
            self._bar.start()
        if now >= self._next:
            self._draw(now)
        self._bar.update(self._task, description=self.title, completed=done, total=total, refresh=True)

    def _draw(self, start: float) -> None:
        from fovea.apps import preview

        assert self._bar is not None
        if self.picture is None or not preview.can_show(self._bar.console):
            self._drawn = None
            return
        self._drawn = preview.blocks(self.picture(), self._bar.console)
        now = perf_counter()
        self._next = now + max(WITH_PICTURE, (now - start) / SHARE)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(above: "Callable[[], RenderableType | None]") -> "Progress":
    """A progress bar with a picture above."""
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class WithPicture(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            picture = above()
            yield from () if picture is None else (picture,)
            yield from super().get_renderables()

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return WithPicture(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)

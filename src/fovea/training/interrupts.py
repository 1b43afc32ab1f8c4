"""Ctrl-C as a question instead of an accident."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Stopped(KeyboardInterrupt):
    """A training was stopped by Ctrl-C after it had saved where it stands; the message says how to go on."""


class Interrupt:
    """Within the block, Ctrl-C only sets `asked`; whoever works there looks at it when all is in order.

    A second one interrupts as usual. Outside the main thread, which alone hears signals, this does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._listens = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._listens:
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

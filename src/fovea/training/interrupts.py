"""Handling of Ctrl-C at a safe point of the training."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Stopped(KeyboardInterrupt):
    """Raised after Ctrl-C, once the training is saved; the message says how to resume it."""


class Interrupt:
    """Within the block, Ctrl-C only sets `asked`, to be checked at a safe point.

    A second Ctrl-C interrupts as usual. Outside the main thread, which alone gets signals, this does nothing.
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

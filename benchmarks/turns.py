"""One side's turn: some calls after a warm-up, and whether anything disturbed them.

Other work on the machine does not slow all sides alike: threads that wait for each other by spinning, as
PyTorch's do, lose several times what Fovea's lose. A turn in which the processor was taken away from it is
therefore taken again; where that does not help, the row is marked.
"""

import statistics
import sys
import time
from collections.abc import Callable

Run = Callable[[], object]

_WARM_UP = 0.01  # seconds at the start of a turn that do not count: the other side's threads go to sleep
_SWITCHES = 4, 60.0  # a quiet turn may lose the processor so often, and so often more a second


def take(run: Run, seconds: float) -> tuple[float, bool]:
    """Milliseconds a call, the median over one turn, and whether the machine was left to it.

    A first call as long as a whole turn is enough; shorter ones warm up first.
    """
    watch, begin = Watch(), time.perf_counter()
    run()
    times = [time.perf_counter() - begin]
    if times[0] < seconds:
        while time.perf_counter() < begin + _WARM_UP:
            run()
        times, end = [], time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times), watch.quiet()


class Watch:
    """Tells whether the machine was left to this process since the watch began."""

    def __init__(self) -> None:
        self._switches, self._begin = _switches(), time.perf_counter()

    def quiet(self) -> bool:
        least, rate = _SWITCHES
        return _switches() - self._switches <= least + rate * (time.perf_counter() - self._begin)


def _switches() -> int:
    """The number of times that a thread of this process was preempted by other work."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw

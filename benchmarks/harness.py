"""Timing in turns, and the rows that every benchmark writes.

These processors have slow phases, seconds long: two sides measured one after the other may meet different
machines. So both sides run in short turns, and what is reported is the median of the turns' ratios.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Run = Callable[[], object]

_WARM_UP = 0.01  # seconds at the start of a turn that do not count: the other side's threads go to sleep
_TURN = 0.04


@dataclass(frozen=True)
class Row:
    """One comparison: `ratio` is peer / ours, above 1 where ours is better; `spread` is the distance between
    the quartiles of the turns' ratios, as a share of their median."""

    case: str
    # `pass` is a word of Python's, so the field is called `phase` here and `pass` in the file
    phase: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float
    spread: float

    def to_json(self) -> dict[str, object]:
        return {("pass" if name == "phase" else name): value for name, value in asdict(self).items()}


def compare(case: str, phase: str, ours: Run, peers: dict[str, Run], turns: int) -> Row:
    """Time `ours` and every peer in turns; the row names the fastest peer. Times are ms a call."""
    sides = {"": ours, **peers}
    for run in sides.values():
        _turn(run)
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(turns):
        for name, run in sides.items():
            times[name].append(_turn(run))
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min(peers, key=medians.__getitem__)
    ratios = [peer / own for own, peer in zip(times[""], times[best], strict=True)]
    return _row(case, phase, medians[""], medians[best], best, "ms", ratios)


def single(case: str, phase: str, ours: float, peer: float, peer_name: str, unit: str) -> Row:
    """A comparison of two numbers that do not vary, such as memory."""
    return _row(case, phase, ours, peer, peer_name, unit, [peer / ours])


def report(rows: Sequence[Row], path: str | None) -> None:
    """Print the table; write it as JSON where a path is given."""
    print(f"{'case':<14} {'pass':<10} {'ours':>9} {'peer':>9} {'unit':<5} {'ratio':>6} {'spread':>7}  peer")
    for row in rows:
        print(
            f"{row.case:<14} {row.phase:<10} {row.ours:9.3f} {row.peer:9.3f} {row.unit:<5} "
            f"{row.ratio:5.2f}x {row.spread:6.0%}  {row.peer_name}"
        )
    if path:
        Path(path).write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n")


def _turn(run: Run) -> float:
    """Milliseconds a call, the median over one turn."""
    end = time.perf_counter() + _WARM_UP
    while time.perf_counter() < end:
        run()
    times, end = [], time.perf_counter() + _TURN
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def _row(
    case: str, phase: str, ours: float, peer: float, peer_name: str, unit: str, ratios: list[float]
) -> Row:
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (middle,) * 3
    return Row(case, phase, ours, peer, peer_name, unit, middle, (high - low) / middle)

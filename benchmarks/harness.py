"""Timing in turns, and the rows that every benchmark writes.

These processors have slow phases, seconds long: two sides measured one after the other may meet different
machines. So all sides run in short turns, and what is reported is the median of the turns' ratios.
"""

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.turns import Run, take

TURN = 0.04  # seconds
PATIENCE = 3.0  # seconds a comparison waits, all in all, for other work to end
_QUICK = 0.4
_LEAST = 3  # turns
_PAUSE = 0.1
_MARK = "~"


@dataclass(frozen=True)
class Row:
    """One comparison: `ratio` is peer / ours, above 1 where ours is better; `spread` is the distance between
    the quartiles of the turns' ratios, as a share of their median. `share_of_peak` is ours, of what the
    processor multiplies and adds at most, where multiplications are what it does; `disturbed` says that other
    work took part of the processor."""

    case: str
    # `pass` is a word of Python's, so the field is called `phase` here and `pass` in the file
    phase: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float
    spread: float
    share_of_peak: float | None = None
    disturbed: bool = False

    def with_share(self, multiply_adds: int, peak: float) -> "Row":
        """The row with `share_of_peak`, for this number of multiply-adds in `ours` ms; peak in GFLOP/s."""
        return replace(self, share_of_peak=2e-6 * multiply_adds / self.ours / peak)

    def to_json(self) -> dict[str, object]:
        fields = {("pass" if name == "phase" else name): value for name, value in asdict(self).items()}
        del fields["disturbed"]
        if self.share_of_peak is None:
            del fields["share_of_peak"]
        return fields


def compare(
    case: str,
    phase: str,
    ours: Run,
    peers: dict[str, Run],
    turns: int,
    *,
    turn: float = TURN,
    patience: float = PATIENCE,
    enough: float = float("inf"),
) -> list[Row]:
    """Time `ours` and all peers in turns of `turn` seconds; a row a peer. Times are ms a call.

    Names that begin with the same word, as "torch NCHW" and "torch NHWC", are one peer in several ways: its
    row has the fastest of them. `patience` seconds go to turns that have to be taken again. After `enough`
    seconds three turns of each side are enough: a single call of a large network is longer than a turn.
    """
    sides = {"": ours, **peers}
    for run in sides.values():
        take(run, turn)
    times: dict[str, list[float]] = {name: [] for name in sides}
    disturbed = dict.fromkeys(sides, 0)
    begin = time.perf_counter()
    for number in range(turns):
        if number >= _LEAST and time.perf_counter() > begin + enough:
            break
        for name, run in sides.items():
            elapsed, quiet = take(run, turn)
            while not quiet and patience > 0:
                start = time.perf_counter()
                time.sleep(_PAUSE)
                elapsed, quiet = take(run, turn)
                patience -= time.perf_counter() - start
            times[name].append(elapsed)
            disturbed[name] += not quiet
    medians = {name: statistics.median(values) for name, values in times.items()}
    rows = []
    for peer in dict.fromkeys(name.split()[0] for name in peers):
        best = min((name for name in peers if name.split()[0] == peer), key=medians.__getitem__)
        ratios = [other / own for own, other in zip(times[""], times[best], strict=True)]
        row = _row(case, phase, medians[""], medians[best], best, "ms", ratios)
        rows.append(replace(row, disturbed=2 * max(disturbed[""], disturbed[best]) > len(ratios)))
    return rows


def single(case: str, phase: str, ours: float, peer: float, peer_name: str, unit: str) -> Row:
    """A comparison of two numbers that do not vary, such as memory."""
    return _row(case, phase, ours, peer, peer_name, unit, [peer / ours])


def report(rows: Iterable[Row], path: str | None) -> list[Row]:
    """Print the table, row by row as they come; write it as JSON where a path is given."""
    print(f"{'case':<25} {'pass':<10} {'ours':>9} {'peer':>9} {'unit':<5} {'ratio':>6} {'spread':>7}  peer")
    printed = []
    for row in rows:
        mark = _MARK if row.disturbed else " "
        share = "" if row.share_of_peak is None else f"; ours {row.share_of_peak:.0%} of peak"
        print(
            f"{row.case:<25} {row.phase:<10} {row.ours:9.3f} {row.peer:9.3f} {row.unit:<5} "
            f"{row.ratio:5.2f}x{mark}{row.spread:6.0%}  {row.peer_name}{share}",
            flush=True,
        )
        printed.append(row)
    marked = sum(row.disturbed for row in printed)
    if marked:
        print(f"{_MARK} marks {marked} of {len(printed)} rows: other work took part of the processor")
    if path:
        Path(path).write_text(json.dumps([row.to_json() for row in printed], indent=2) + "\n")
    return printed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the longer benchmarks: --quick, --threads, --patience, --json."""
    from fovea.kernels import runtime

    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns: under 5 minutes")
    parser.add_argument("--threads", type=int, default=runtime.threads(), help="on all sides")
    text = f"how long a comparison waits for other work to end (default {PATIENCE:g}; {_QUICK:g} if quick)"
    parser.add_argument("--patience", type=float, metavar="SECONDS", help=text)
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")


def patience(options: argparse.Namespace) -> float:
    """Seconds, as the options of `add_options` have it."""
    default = _QUICK if options.quick else PATIENCE
    return default if options.patience is None else options.patience


def installed(*modules: str) -> bool:
    """True if a peer's modules are all installed; otherwise prints that it is left out."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{modules[0]} is left out: {', '.join(missing)} not installed")
    return not missing


def _row(
    case: str, phase: str, ours: float, peer: float, peer_name: str, unit: str, ratios: list[float]
) -> Row:
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (middle,) * 3
    return Row(case, phase, ours, peer, peer_name, unit, middle, (high - low) / middle)

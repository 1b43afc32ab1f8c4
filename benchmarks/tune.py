"""Fits the constants of src/fovea/kernels/targets.json to this machine.

    python -m benchmarks.tune [--target avx2] [--all] [--threads N] [--times FILE] [--write] [CASE...]

For two dozen convolutions (`--all`: every one of the tables; CASE: those with this in group or name) and
each of their passes it times the kernels that neighbouring constants would choose, and compares the model's
choice with the fastest: their quotient is the regret. Then it looks for constants that make the geometric
mean of all regrets small: one after the other, up and down, as long as that helps. `--write` puts them into
the table, as the column of the target. That takes about five minutes of two cores that do nothing else.

`--target` is one that this processor supports, by default its best. `--times` stores measured times and
reuses them while no kernel's source changes, so that an interrupted run can resume.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import candidates, convolutions
from benchmarks.candidates import FACTORS, FITTED, Kernel, Times, Wanted, changed, chosen, regret
from benchmarks.convolutions import Convolution
from fovea.kernels import runtime, specification, targets
from fovea.kernels.targets import Target

_ROUNDS = 3  # constants are fitted to what was timed, then kernels around the new ones are timed
_WORTH = 0.002  # a constant moves for no less of the mean's logarithm
_SHOWN = 12
# Of each kind of work one or two, and none that takes long: what they have in common the others have, too.
_CHOSEN = (
    "32x56x56x64-64-3x3-s1",
    "32x28x28x128-128-3x3-s1",
    "32x14x14x256-256-3x3-s1",
    "32x7x7x512-512-3x3-s1",
    "128x32x32x16-16-3x3-s1",
    "128x16x16x32-32-3x3-s1",
    "128x8x8x64-64-3x3-s1",
    "8x28x28x256-512-3x3-s1",
    "8x14x14x512-512-3x3-s1",
    "8x7x7x512-512-3x3-s1",
    "64x28x28x17-17-3x3-s1",
    "64x28x28x24-24-3x3-s1",
    "64x28x28x40-40-3x3-s1",
    "8x224x224x3-64-3x3-s1",
    "8x224x224x3-64-7x7-s2",
    "64x28x28x1-6-5x5-s1",
    "64x14x14x6-16-5x5-s1",
    "32x56x56x64-128-3x3-s2",
    "8x28x28x256-256-3x3-s2",
    "8x14x14x512-512-3x3-s2",
    "8x56x56x64-256-1x1-s1",
    "8x56x56x256-64-1x1-s1",
    "8x28x28x128-512-1x1-s1",
    "8x28x28x512-128-1x1-s1",
    "8x14x14x256-1024-1x1-s1",
    "8x14x14x1024-256-1x1-s1",
    "8x56x56x256-512-1x1-s2",
    "8x7x7x2048-512-1x1-s1",
)

Timed = list[tuple[Convolution, Times]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the table that chooses kernels to this machine.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="cases with this in group or name")
    parser.add_argument("--target", help="one of the table's, such as avx2")
    parser.add_argument("--all", action="store_true", help="every case of the tables")
    parser.add_argument("--threads", type=int, default=runtime.threads())
    parser.add_argument("--times", metavar="FILE", help="keep what was timed there, and take it up again")
    parser.add_argument("--write", action="store_true", help="put the constants into the table")
    options = parser.parse_args()
    if options.target:
        os.environ["FOVEA_TARGET"] = options.target
    runtime.set_threads(options.threads)
    cases = _cases(options.cases or [""])
    if not (options.cases or options.all):
        cases = [case for case in cases if case.name in _CHOSEN]
    start = targets.current()
    keeper, target, timed = _Keeper(options.times), start, []
    for turn in range(_ROUNDS):
        timed = _measure(cases, target, keeper)
        if turn == 0:
            _report("before", timed, start)
        found = fit(timed, target)
        if found == target:
            break
        target = found
    _report("after", timed, target)
    for name in FITTED:
        if getattr(target, name) != getattr(start, name):
            print(f"{name:<18} {getattr(start, name):>12} → {getattr(target, name):>12}")
    if options.write:
        where = f"{_processor()}, {options.threads} threads"
        rest = [t for t in targets.table().values() if t.name != target.name]
        write([target._replace(measured_on=where), *rest])


def _cases(patterns: Sequence[str]) -> list[Convolution]:
    """Those with one of `patterns` in group or name; each once, though tables share some."""
    found = [c for c in convolutions.ALL if any(p in c.name or p in c.group for p in patterns)]
    return list({case.name: case for case in found}.values())


def fit(timed: Timed, target: Target) -> Target:
    """Constants of less regret than those of `target`, by coordinate descent."""
    least, moved = _score(timed, target), True
    while moved:
        moved = False
        for name in FITTED:
            for factor in FACTORS:
                other = changed(target, name, factor)
                score = _score(timed, other)
                if score < least - _WORTH:
                    target, least, moved = other, score, True
    return target


def _score(timed: Timed, target: Target) -> float:
    """The logarithm of the geometric mean of all regrets; infinite where something was not timed."""
    values = regret(timed, target).values()
    return math.inf if None in values else statistics.fmean(math.log(v) for v in values if v)


def write(columns: Sequence[Target]) -> None:
    """The table, whole: a line a constant, in the order that the targets have there."""
    order = list(targets.table())
    columns = sorted(columns, key=lambda target: order.index(target.name))
    cells = [[json.dumps(getattr(target, name)) for target in columns] for name in Target._fields]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    names = [json.dumps(name) + ":" for name in Target._fields]
    lines = [
        f"  {name:<{max(map(len, names))}} [{', '.join(map(str.rjust, row, widths))}]"
        for name, row in zip(names, cells, strict=True)
    ]
    targets.TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


# ---- Times, kept ------------------------------------------------------------------------------------------


class _Keeper:
    """The measured times, stored in a file if one is given; discarded if the kernels' sources have
    changed."""

    def __init__(self, path: str | None) -> None:
        self._path, self._cases = Path(path) if path else None, {}
        self._of = [targets.current().name, _processor(), _source()]
        if self._path and self._path.is_file():
            kept = json.loads(self._path.read_text())
            if kept["of"] == self._of:
                self._cases = kept["cases"]

    def get(self, case: Convolution) -> Times:
        rows = self._cases.get(case.name, [])
        times: Times = {}
        for phase, lanes, operation, tile, ms in rows:
            times.setdefault(phase, {})[Kernel(lanes, operation, _tuples(tile))] = ms
        return times

    def put(self, case: Convolution, times: Times) -> None:
        rows = [[phase, *kernel, ms] for phase, kernels in times.items() for kernel, ms in kernels.items()]
        self._cases[case.name] = rows
        if self._path:
            self._path.write_text(json.dumps({"of": self._of, "cases": self._cases}))


def _source() -> str:
    """A digest of the kernels' sources; the table itself changes no kernel's time."""
    texts = (path.read_bytes() for path in specification.sources() if path != targets.TABLE)
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _tuples(tile: list) -> tuple:
    return tuple(_tuples(part) if isinstance(part, list) else part for part in tile)


def _measure(cases: Sequence[Convolution], target: Target, keeper: _Keeper) -> Timed:
    timed = []
    for number, case in enumerate(cases, 1):
        times, bench, count, start = keeper.get(case), None, 0, time.perf_counter()
        for step in (candidates.rough, candidates.fine):
            wanted = step(case, target, times)
            fresh = {key for key in wanted if key[1] not in times.get(key[0], {})}
            if not fresh:
                continue
            bench, count = bench or candidates.Bench(case), count + len(fresh)
            for phase, kernels in bench.measure(_beside(wanted, fresh, times)).items():
                mine = times.setdefault(phase, {})
                mine.update({kernel: min(ms, mine.get(kernel, ms)) for kernel, ms in kernels.items()})
            keeper.put(case, times)
        if bench is not None:
            took = time.perf_counter() - start
            print(f"{number}/{len(cases)} {case.name}: {count} kernels in {took:.0f} s", flush=True)
            for what in bench.wrong:
                print(f"  left out, {what}")
        timed.append((case, times))
    return timed


def _beside(wanted: Wanted, fresh: set[tuple[str, Kernel]], times: Times) -> Wanted:
    """The `fresh` of `wanted`, and beside them the fastest so far of their passes: other turns, other times
    of the machine."""
    phases = {phase for phase, _ in fresh}
    known = {p: {k: ms for k, ms in times.get(p, {}).items() if (p, k) in wanted} for p in phases}
    best = {(p, min(kernels, key=kernels.__getitem__)) for p, kernels in known.items() if kernels}
    return {key: target for key, target in wanted.items() if key in fresh | best}


def _report(when: str, timed: Timed, target: Target) -> None:
    """The geometric mean of the regrets, and the worst of them."""
    found = regret(timed, target)
    by_name = {case.name: (case, times) for case, times in timed}
    worst = sorted(found, key=lambda key: -(found[key] or 0))
    print(f"\n{when}: regret {math.exp(_score(timed, target)):.3f}, over {len(found)} passes; the worst:")
    for name, phase in worst[:_SHOWN]:
        case, times = by_name[name]
        mine, best = chosen(case, target)[phase], min(times[phase], key=times[phase].__getitem__)
        print(f"  {found[name, phase]:.2f}  {name} {phase}: {_text(mine)}; best {_text(best)}")
    print()


def _text(kernel: Kernel) -> str:
    side = f", {kernel.lanes} side by side" if kernel.lanes > 1 else ""
    return f"{kernel.operation} {kernel.tile}{side}"


def _processor() -> str:
    """Its name, as the system has it and as LLVM does."""
    import llvmlite.binding as llvm

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.processor()])[0]} ({llvm.get_host_cpu_name()})"


if __name__ == "__main__":
    main()

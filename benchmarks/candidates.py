"""Kernels that a convolution could run on: what the models would choose if their constants were other ones.

So every candidate is one that the table can express: either algorithm, either layout, register tiles and
blocks above and below the chosen ones.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks import alone
from benchmarks.alone import Alone
from benchmarks.convolutions import Convolution
from benchmarks.turns import take
from fovea.errors import EngineError
from fovea.geometry import Window
from fovea.kernels import algorithms, compiler, targets, tiles
from fovea.kernels.targets import Target
from fovea.stages.calls import Call

FACTORS = (0.5, 0.7, 1.4, 2.0)
# What the processor is, which nothing is tried of when constants are fitted; but fewer registers give smaller
# tiles to try.
FIXED = ("name", "measured_on", "vector", "registers", "sums")
FITTED = tuple(name for name in Target._fields if name not in FIXED)
_FEWER = (0.9, 0.75, 0.5)
_NEAR = 2.5  # vectors of channels or filters up to which the other layout is tried
_TURNS, _TURN = 6, 0.02
_HOPELESS = 3, 1.3  # after so many turns, what takes so many times as long as the fastest is not timed again
_WRONG = 1e-3


class Kernel(NamedTuple):
    """One that could be chosen for a pass."""

    lanes: int
    operation: str
    tile: tuple


Times = dict[str, dict[Kernel, float]]  # pass → kernel → ms


def changed(target: Target, name: str, factor: float) -> Target:
    """With one constant larger by `factor`; whole numbers stay whole, and above 0."""
    value = getattr(target, name)
    other = value * factor
    return target._replace(**{name: max(1, round(other)) if isinstance(value, int) else round(other, 3)})


@functools.lru_cache(maxsize=200_000)
def chosen(case: Convolution, target: Target) -> dict[str, Kernel]:
    """The kernel of each pass with the constants of `target`, as stages choose it."""
    window = Window.of((case.H, case.H), case.f, case.s, case.p, dilation=case.d)
    C, K, groups = case.C, case.K, case.g
    with targets.trying(target):
        L = tiles.lanes(C if case.has_dA else K, K)
        choices = {
            "forward": algorithms.forward(window, K, C, (1, 1), L, "fast", groups),
            "dA": algorithms.inputs(window, K, C, L, "fast", groups),
            "dW": algorithms.weights(window, K, C, L, "fast", groups),
        }
    if not case.has_dA:
        del choices["dA"]
    return {phase: Kernel(L, choice.operation, choice.plain_tile) for phase, choice in choices.items()}


Wanted = dict[tuple[str, Kernel], Target]  # (pass, kernel) → constants that choose it


def around(case: Convolution, target: Target) -> Wanted:
    """Every candidate near `target`, whose own choices come first."""
    wanted: Wanted = {}
    for other in _neighbours(case, target):
        for phase, kernel in chosen(case, other).items():
            wanted.setdefault((phase, kernel), other)
    return wanted


def measure(case: Convolution, wanted: Wanted) -> tuple[Times, list[str]]:
    """Milliseconds of every candidate, timed in turns; and those that cannot be compiled, or compute
    something else than the first of their pass."""
    inputs, times, wrong = alone.problem(case), {}, []
    for lanes in dict.fromkeys(kernel.lanes for _, kernel in wanted):
        mine = {key: other for key, other in wanted.items() if key[1].lanes == lanes}
        with targets.trying(next(iter(mine.values()))):
            place = Alone(case, inputs)
        calls = _compiled(case, _calls(place, mine), wrong)
        for phase in dict.fromkeys(phase for phase, _ in calls):
            runs = {kernel: call for (p, kernel), call in calls.items() if p == phase}
            expected = None
            for kernel, run in list(runs.items()):
                found = place.results(phase, run)
                expected = expected or found
                if not alone.error(found, expected) <= _WRONG:
                    wrong.append(f"{case.name} {phase}: {kernel}")
                    del runs[kernel]
            place.results(phase, next(iter(runs.values())))  # leaves numbers everywhere
            times.setdefault(phase, {}).update(_timed(runs))
    return times, wrong


def _compiled(case: Convolution, calls: dict[tuple[str, Kernel], Call], wrong: list[str]) -> dict:
    """Those of `calls` that could be compiled."""
    with contextlib.suppress(EngineError):  # the one to blame says so below
        compiler.obtain(call.specification for call in calls.values())
    found = {}
    for (phase, kernel), call in calls.items():
        try:
            call.kernel = compiler.get(call.specification)
            found[phase, kernel] = call
        except EngineError as error:
            wrong.append(f"{case.name} {phase}: {kernel}: {error}")
    return found


def _neighbours(case: Convolution, target: Target) -> Iterator[Target]:
    """`target` first, then others, each algorithm and layout with one constant changed."""
    fewest = min(case.C if case.has_dA else case.K, case.K)
    layouts = [target]
    if fewest < _NEAR * target.vector:
        layouts.append(target._replace(side_by_side=1 if fewest < target.side_by_side else fewest + 1))
    for layout in layouts:
        for advantage in (target.advantage, 0.0, float("inf")):
            base = layout._replace(advantage=advantage)
            yield base
            for name in FITTED:
                if name not in ("advantage", "side_by_side"):
                    yield from (changed(base, name, factor) for factor in FACTORS)
            for name in ("registers", "sums"):
                yield from (changed(base, name, factor) for factor in _FEWER)


def _calls(place: Alone, wanted: Wanted) -> dict[tuple[str, Kernel], Call]:
    """(pass, kernel) → its call."""
    found = {}
    for target in dict.fromkeys(wanted.values()):
        with targets.trying(target):
            calls = place.calls()
        for phase, call in calls.items():
            assert call.choice is not None
            key = phase, Kernel(place.lanes, call.choice.operation, call.choice.plain_tile)
            if key in wanted:
                found.setdefault(key, call)
    missing = wanted.keys() - found.keys()
    assert not missing, missing
    return found


def _timed(runs: dict[Kernel, Call]) -> dict[Kernel, float]:
    """The fastest turn's median of each; all in turns, so that slow phases of the machine meet all."""
    best, (patience, far) = dict.fromkeys(runs, float("inf")), _HOPELESS
    for turn in range(_TURNS):
        least = min(best.values())
        for kernel, run in runs.items():
            if turn < patience or best[kernel] < far * least:
                best[kernel] = min(best[kernel], take(run, _TURN)[0])
    return best


def regret(times: Sequence[tuple[Convolution, Times]], target: Target) -> dict[tuple[str, str], float | None]:
    """(case, pass) → how many times as long as the fastest what `target` chooses takes; None where that was
    not timed."""
    found = {}
    for case, by_phase in times:
        for phase, kernel in chosen(case, target).items():
            ms = by_phase[phase].get(kernel)
            found[case.name, phase] = None if ms is None else ms / min(by_phase[phase].values())
    return found

"""Candidate kernels of a convolution: those that other constants of the cost model would choose.

So the table can express every candidate: either algorithm, either layout, register tiles and blocks larger
and smaller than the chosen ones. The search is coarse to fine: first both algorithms, and both layouts for
few channels or filters, with the current constants; then, for those near the fastest, a change of each single
constant.
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
from fovea.kernels import algorithms, kernel_cache, targets, tiles
from fovea.kernels.problem import ConvProblem
from fovea.kernels.targets import Target
from fovea.stages.calls import Call

FACTORS = (0.5, 0.7, 1.4, 2.0)
FIXED = ("name", "measured_on", "vector", "registers")  # what the processor is
FITTED = tuple(name for name in Target._fields if name not in FIXED)
_MATCHES = ("winograd_min_gain", "min_channels")  # they choose algorithm and layout, and nothing within these
_OTHER_LAYOUT = 2.5  # vectors of channels or filters up to which it is tried
_NEAR = 1.3  # algorithms and layouts slower than the fastest by this factor are not varied
_TURNS, _TURN = 4, 0.015
_HOPELESS = (
    (1, 2.0),
    (2, 1.3),
)  # (turns, factor): after these turns, kernels slower by this factor are not timed again
_WRONG = 1e-3


class Kernel(NamedTuple):
    """One that could be chosen for a pass."""

    lanes: int
    operation: str
    tile: tuple


Times = dict[str, dict[Kernel, float]]  # pass → kernel → ms
Wanted = dict[tuple[str, Kernel], Target]  # (pass, kernel) → constants that choose it


def changed(target: Target, name: str, factor: float) -> Target:
    """With one constant larger by `factor`; whole numbers stay whole, and above 0; and there are no more sums
    than registers."""
    value = getattr(target, name)
    other = max(1, round(value * factor)) if isinstance(value, int) else round(value * factor, 3)
    return target._replace(**{name: min(other, target.registers) if name == "accumulators" else other})


@functools.lru_cache(maxsize=200_000)
def chosen(case: Convolution, target: Target) -> dict[str, Kernel]:
    """The kernel of each pass with the constants of `target`, as stages choose it."""
    window = Window.of((case.H, case.H), case.f, case.s, case.p, dilation=case.d)
    C, K = case.C, case.K
    with targets.trying(target):
        L = tiles.lanes(C if case.has_dA else K, K)
        problem = ConvProblem(window, C, K, case.g, lanes=L)
        choices = {
            "forward": algorithms.forward(problem, "fast"),
            "dA": algorithms.inputs(problem, "fast"),
            "dW": algorithms.weights(problem, "fast"),
        }
    if not case.has_dA:
        del choices["dA"]
    return {phase: Kernel(L, choice.operation, choice.plain_tile) for phase, choice in choices.items()}


def rough(case: Convolution, target: Target, _: Times) -> Wanted:
    """The kernels that `target` chooses, then both algorithms in both layouts; measured times do not
    matter."""
    wanted: Wanted = {}
    for base in _matches(case, target):
        for phase, kernel in chosen(case, base).items():
            wanted.setdefault((phase, kernel), base)
    return wanted


def fine(case: Convolution, target: Target, times: Times) -> Wanted:
    """Those of the rough ones that come near the fastest of `times`, and those with one constant changed."""
    wanted: Wanted = {}
    best = {phase: min(kernels.values()) for phase, kernels in times.items()}
    for base in _matches(case, target):
        mine = chosen(case, base)
        near = [p for p, kernel in mine.items() if times[p].get(kernel, float("inf")) < _NEAR * best[p]]
        for other in _neighbours(base) if near else ():
            for phase in near:
                wanted.setdefault((phase, chosen(case, other)[phase]), other)
    return wanted


def _matches(case: Convolution, target: Target) -> Iterator[Target]:
    """`target` first, then each algorithm and layout with its other constants."""
    fewest = min(case.C if case.has_dA else case.K, case.K)
    layouts = [target]
    if fewest < _OTHER_LAYOUT * target.vector:
        layouts.append(target._replace(min_channels=1 if fewest < target.min_channels else fewest + 1))
    for layout in layouts:
        for advantage in (target.winograd_min_gain, 0.0, float("inf")):
            yield layout._replace(winograd_min_gain=advantage)


def _neighbours(base: Target) -> Iterator[Target]:
    """`base`, then each with one constant changed."""
    yield base
    for name in FITTED:
        if name not in _MATCHES:
            yield from (changed(base, name, factor) for factor in FACTORS)


class Bench:
    """The compiled kernels of one convolution, ready to be timed; `wrong` has those that could not be
    compiled, or compute something else than the first of their pass."""

    def __init__(self, case: Convolution) -> None:
        self._case, self._inputs = case, alone.problem(case)
        self._places: dict[int, Alone] = {}
        self.wrong: list[str] = []

    def measure(self, wanted: Wanted) -> Times:
        """Milliseconds of every candidate, timed in turns."""
        times: Times = {}
        for lanes in dict.fromkeys(kernel.lanes for _, kernel in wanted):
            mine = {key: other for key, other in wanted.items() if key[1].lanes == lanes}
            place = self._place(lanes, next(iter(mine.values())))
            calls = self._compiled(_calls(place, mine))
            for phase in dict.fromkeys(phase for phase, _ in calls):
                runs = {kernel: call for (p, kernel), call in calls.items() if p == phase}
                self._check(place, phase, runs)
                times.setdefault(phase, {}).update(_timed(runs))
        return times

    def _place(self, lanes: int, target: Target) -> Alone:
        if lanes not in self._places:
            with targets.trying(target):
                self._places[lanes] = Alone(self._case, self._inputs)
        return self._places[lanes]

    def _compiled(self, calls: dict[tuple[str, Kernel], Call]) -> dict[tuple[str, Kernel], Call]:
        """Those of `calls` that could be compiled."""
        with contextlib.suppress(EngineError):  # the failing kernel is reported below
            kernel_cache.obtain(call.specification for call in calls.values())
        found = {}
        for (phase, kernel), call in calls.items():
            try:
                call.kernel = kernel_cache.get(call.specification)
                found[phase, kernel] = call
            except EngineError as error:
                self.wrong.append(f"{self._case.name} {phase}: {kernel}: {error}")
        return found

    def _check(self, place: Alone, phase: str, runs: dict[Kernel, Call]) -> None:
        """Takes those out of `runs` that compute something else than the first."""
        expected = None
        for kernel, run in list(runs.items()):
            found = place.results(phase, run)
            expected = expected or found
            if not alone.error(found, expected) <= _WRONG:
                self.wrong.append(f"{self._case.name} {phase}: {kernel}")
                del runs[kernel]
        place.results(phase, next(iter(runs.values())))  # fills all arrays


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
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(_TURNS):
        least = min(best.values())
        far = min((factor for after, factor in _HOPELESS if turn >= after), default=float("inf"))
        for kernel, run in runs.items():
            if turn == 0 or best[kernel] <= far * least:
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

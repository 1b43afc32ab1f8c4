"""The tuner finds constants that choose what was fastest, and writes the table that the package reads."""

import json

import pytest

pytest.importorskip("halide")

from benchmarks import candidates, convolutions, tune
from fovea.kernels import targets

CASE = next(c for c in convolutions.ALL if c.name == "32x14x14x256-256-3x3-s1")
HERE = targets.table()["avx512"]


def both(near):
    """The rough candidates and the fine ones, as if `near` of the rough ones were fast."""
    wanted = candidates.rough(CASE, HERE, {})
    times = {}
    for phase, kernel in wanted:
        times.setdefault(phase, {})[kernel] = 1.0 if near(kernel) else 2.0
    return {**wanted, **candidates.fine(CASE, HERE, times)}


def test_candidates_are_both_algorithms_and_other_tiles():
    wanted = both(near=lambda kernel: True)
    assert set(candidates.chosen(CASE, HERE).items()) <= wanted.keys()
    for phase in ("forward", "dA", "dW"):
        kernels = [kernel for p, kernel in wanted if p == phase]
        assert {"winograd" in kernel.operation for kernel in kernels} == {True, False}
        assert len({kernel.tile for kernel in kernels}) > 4
    for (phase, kernel), target in wanted.items():
        assert candidates.chosen(CASE, target)[phase] == kernel


def test_what_is_far_slower_is_not_varied():
    wanted = both(near=lambda kernel: "winograd" in kernel.operation)
    for phase in ("forward", "dA", "dW"):
        kernels = [kernel for p, kernel in wanted if p == phase]
        assert sum("winograd" not in kernel.operation for kernel in kernels) == 1


def test_every_case_that_is_tuned_by_default_is_in_the_tables():
    names = {case.name for case in convolutions.ALL}
    assert names >= set(tune._CHOSEN)
    assert len({case.name for case in tune._cases([""])}) == len(tune._cases([""])) == len(names)


def test_there_are_no_more_sums_than_registers():
    assert candidates.changed(HERE, "accumulators", 2.0).accumulators == HERE.registers
    assert candidates.changed(HERE, "accumulators", 0.5).accumulators == HERE.accumulators // 2


@pytest.mark.parametrize("better", ["winograd", "conv"])
def test_the_constants_come_to_choose_what_was_faster(better):
    """As if one algorithm had taken half the other's time, whatever the tile."""
    times = {}
    for phase, kernel in both(near=lambda kernel: True):
        times.setdefault(phase, {})[kernel] = 1.0 if kernel.operation.startswith(better) else 2.0
    timed = [(CASE, times)]
    start = HERE._replace(winograd_min_gain=3.0 if better == "winograd" else 2.0)
    assert set(candidates.regret(timed, start).values()) == {2.0}
    found = tune.fit(timed, start)
    assert set(candidates.regret(timed, found).values()) == {1.0}
    assert (
        found._replace(winograd_min_gain=start.winograd_min_gain, transform_cost=start.transform_cost)
        == start
    )


def test_what_was_not_timed_is_no_choice():
    times = {phase: {kernel: 1.0} for phase, kernel in candidates.chosen(CASE, HERE).items()}
    assert tune.fit([(CASE, times)], HERE) == HERE


def test_the_table_is_written_as_it_is_read(tmp_path, monkeypatch):
    committed = targets.TABLE.read_text(encoding="utf-8")
    monkeypatch.setattr(targets, "TABLE", tmp_path / "targets.json")
    tune.write(list(targets.table().values()))
    assert targets.TABLE.read_text(encoding="utf-8") == committed
    tune.write([HERE._replace(l2_tile_bytes=7), *(t for t in targets.table().values() if t != HERE)])
    rows = json.loads(targets.TABLE.read_text(encoding="utf-8"))
    assert rows["name"] == list(targets.table())
    assert rows["l2_tile_bytes"][rows["name"].index("avx512")] == 7

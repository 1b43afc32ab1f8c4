"""Rows say what the turns said."""

import json

import pytest

from benchmarks import harness
from benchmarks.harness import Row, compare, report, single
from benchmarks.turns import take


@pytest.fixture
def scripted(monkeypatch):
    """Turns take no time: a side is the list of (ms, quiet) that its turns give, warm-up first."""
    monkeypatch.setattr(harness, "take", lambda side, seconds: side.pop(0))
    monkeypatch.setattr(harness, "_PAUSE", 0.0)


def turns(*times: float) -> list[tuple[float, bool]]:
    return [(999.0, True), *((time, True) for time in times)]


def test_the_ratio_is_the_median_of_the_turns_own_ratios(scripted):
    # a slow phase that both sides meet changes no ratio
    (row,) = compare("case", "forward", turns(1, 10, 1, 1), {"torch": turns(2, 20, 2, 2)}, 4)
    assert (row.ours, row.peer, row.ratio, row.spread) == (1, 2, 2, 0)
    assert not row.disturbed


def test_the_spread_is_the_quartiles_distance_as_a_share_of_the_median(scripted):
    (row,) = compare("case", "forward", turns(1, 1, 1), {"torch": turns(1, 2, 3)}, 3)
    assert row.ratio == 2
    assert row.spread == (3 - 1) / 2


def test_the_fastest_way_of_each_peer_has_a_row(scripted):
    peers = {"torch NCHW": turns(4), "torch NHWC": turns(3), "onnxruntime": turns(2)}
    rows = compare("case", "inference", turns(1), peers, 1)
    assert [(row.peer_name, row.ratio) for row in rows] == [("torch NHWC", 3), ("onnxruntime", 2)]


def test_a_disturbed_turn_is_taken_again(scripted):
    ours = [(999.0, True), (50.0, False), (1.0, True)]
    (row,) = compare("case", "step", ours, {"torch": turns(2)}, 1)
    assert (row.ours, row.disturbed) == (1, False)


def test_after_enough_time_three_turns_are_enough(scripted):
    (row,) = compare("case", "step", turns(1, 1, 1), {"torch": turns(2, 3, 4)}, 40, enough=0)
    assert row.ratio == 3


def test_where_patience_ends_the_row_is_marked(scripted, capsys):
    ours = [(999.0, True), (50.0, False)]
    rows = compare("case", "step", ours, {"torch": turns(100)}, 1, patience=0)
    assert rows[0].disturbed
    report(rows, None)
    assert "2.00x~" in capsys.readouterr().out


def test_a_row_in_the_file_has_the_documented_keys(tmp_path, capsys):
    row = Row("lenet5-b64", "step", 1.0, 2.0, "torch NHWC", "ms", 2.0, 0.0)
    shared = row.with_share(multiply_adds=10**8, peak=400.0)
    report([row, shared], str(tmp_path / "rows.json"))
    first, second = json.loads((tmp_path / "rows.json").read_text())
    keys = {"case", "pass", "ours", "peer", "peer_name", "unit", "ratio", "spread"}
    assert set(first) == keys
    assert set(second) == {*keys, "share_of_peak"}
    assert first["pass"] == "step"
    assert second["share_of_peak"] == 0.5  # 0.2 GFLOP in 1 ms, of 400 GFLOP/s
    assert "50% of peak" in capsys.readouterr().out


def test_a_ratio_above_one_means_that_ours_is_better():
    assert single("lenet5-b64", "memory", 4.0, 12.0, "torch", "MB").ratio == 3


def test_a_real_turn_gives_milliseconds():
    milliseconds, _ = take(lambda: None, 0.001)
    assert 0 <= milliseconds < 1


def test_what_is_not_installed_is_left_out(capsys):
    assert not harness.installed("onnxruntime_of_nobody")
    assert "left out" in capsys.readouterr().out

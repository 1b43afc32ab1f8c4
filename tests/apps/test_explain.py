"""explain-kernels reports the kernels that run."""

import json

import numpy as np
import pytest

import fovea
from fovea.apps import explain
from fovea.errors import EngineError, FoveaError
from fovea.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU

pytest.importorskip("halide")


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setattr(explain, "_SECONDS", 0.0)
    layers = [Conv2D(8, 5), ReLU(), Conv2D(64, 3, padding="same"), ReLU(), MaxPool2D(2), Dropout(0.5)]
    return fovea.Network([*layers, Flatten(), Dense(7)], (20, 20, 1))


def test_normalisation_has_its_rows_and_learns_nothing(network):
    block = [Conv2D(16, 3), BatchNorm(), ReLU(), Conv2D(16, 3), BatchNorm()]
    network = fovea.Network([*block, Flatten(), Dense(3)], (9, 9, 2))
    before = network.memory.copy()
    found = explain.explain(network, "normalised", batch_size=5)
    assert np.array_equal(network.memory, before)
    passes = {(row.stage, row.phase): row.kernel for row in found.rows}
    assert passes["batchnorm1 + relu1", "dW"] == "normalization.gradients"
    assert passes["batchnorm1 + relu1", "dA"] == "normalization.inputs"
    for learned in (network, network.constant()):
        alone = explain.explain(learned, "normalised", batch_size=5, training=False)
        assert "conv1 + batchnorm1 + relu1" in [row.stage for row in alone.rows]


def test_every_pass_of_every_stage_has_a_row(network):
    before = network.flat.copy()
    found = explain.explain(network, "small", batch_size=5)
    assert np.array_equal(network.flat, before)
    passes = [(row.stage, row.phase) for row in found.rows]
    assert passes.count(("relayout", "forward")) == passes.count(("relayout", "dA"))
    assert [p for p in passes if p[0] != "relayout"] == [
        ("input", "load"),
        ("conv1 + relu1", "forward"),
        ("conv2 + relu2 + pool1", "forward"),
        ("dropout1", "forward"),
        ("dense1", "forward"),
        ("loss", "loss"),
        ("dense1", "dW"),
        ("dense1", "dA"),
        ("dropout1", "dW+dA"),
        ("conv2 + relu2 + pool1", "dW"),
        ("conv2 + relu2 + pool1", "dA"),
        ("conv1 + relu1", "dW"),
        ("optimizer", "step"),
    ]
    by_pass = {(row.stage, row.phase): row for row in found.rows}
    convolution = by_pass["conv2 + relu2 + pool1", "dA"]
    assert convolution.multiply_adds == 5 * 16 * 16 * 9 * 8 * 64
    assert convolution.tile["filters"] > 0
    assert convolution.share_of_peak == pytest.approx(
        2e-6 * convolution.multiply_adds / convolution.ms / found.peak
    )
    assert by_pass["dropout1", "forward"].share_of_peak is None
    assert "Dropout has no kernel" in by_pass["dropout1", "forward"].why
    assert all(row.ms > 0 and row.kernel for row in found.rows if row.stage != "input")


def test_inference_has_the_forward_pass_alone(network):
    found = explain.explain(network, "small", batch_size=5, training=False)
    assert {row.phase for row in found.rows} == {"load", "forward"}


def test_the_table_fits_80_columns_and_json_is_exact(network):
    found = explain.explain(network, "a-model-with-a-name-as-long-as-people-give-them" * 2, batch_size=3)
    text = explain.text(found)
    assert max(map(len, text.splitlines())) <= 80
    for row in found.rows:
        assert row.kernel in text
    written = json.loads(json.dumps(found.to_json()))
    assert [row["pass"] for row in written["rows"]] == [row.phase for row in found.rows]
    assert written["rows"][1]["ms"] == found.rows[1].ms
    assert written["ms"] == sum(row["ms"] for row in written["rows"])


def test_precision_shows_in_the_reasons(network):
    network.precision = "exact"
    found = explain.explain(network, "small", batch_size=3)
    assert not any("winograd" in row.kernel for row in found.rows)


def test_another_engine_has_no_kernels_to_explain(network):
    with fovea.engine("reference"), pytest.raises(EngineError, match="the engine halide, got reference"):
        explain.explain(network, "small")


@pytest.mark.parametrize("batch_size", [2**31, 10**20])
def test_a_batch_that_no_array_holds_is_refused(network, batch_size):
    with pytest.raises(FoveaError, match="explain-kernels: expected a batch of at most"):
        explain.explain(network, "small", batch_size=batch_size)

"""The table of targets, and kernels for a lesser processor than this one."""

import os
import subprocess
import sys

import pytest

from fovea.errors import EngineError
from fovea.geometry import Window
from fovea.kernels import algorithms, targets, tiles
from fovea.kernels.problem import ConvProblem

STEP = """
import numpy as np, fovea
from fovea import layers, losses
from fovea.kernels import targets
from fovea.stages import Plan
assert targets.current().name == "avx2", targets.current()
rng = np.random.default_rng(0)
network = fovea.Network(
    [layers.Conv2D(24, 3, padding="same"), layers.ReLU(), layers.MaxPool2D(2), layers.Conv2D(64, 3),
     layers.ReLU(), layers.Conv2D(64, 3, padding="same"), layers.Flatten(), layers.Dense(5)], (28, 28, 3))
X, labels = rng.standard_normal((6, 28, 28, 3), np.float32), np.array([0, 1, 2, 3, 4, 1])
plan = Plan(network, 6, training=True)
loss, _ = plan.loss_and_gradients(X, labels)
with fovea.engine("reference"):
    Z, caches = network.forward(X, training=True)
    expected, dZ = losses.softmax_cross_entropy(Z, labels)
    _, gradients = network.backward(dZ, caches)
assert abs(loss - expected) < 1e-4, (loss, expected)
for name, gradient in gradients.items():
    error = abs(plan.gradient_views[name] - gradient).max() / abs(gradient).max()
    assert error < 2e-4, (name, error)
print({call.specification.operation for call in plan.context.calls})
"""


def test_every_field_has_a_number_for_every_target():
    for target in targets.table().values():
        assert all(value > 0 for value in target[2:]), target
        assert target.accumulators < 32
        assert target.measured_on


def test_the_best_there_is_is_chosen():
    there = targets.available()
    assert os.environ.get("FOVEA_TARGET") or targets.current().name == there[0]


def test_what_the_processor_has_not_is_refused(monkeypatch):
    monkeypatch.setenv("FOVEA_TARGET", "abacus")
    with pytest.raises(
        EngineError, match=r"FOVEA_TARGET: expected one that this processor has: .*, got abacus"
    ):
        targets._chosen.__wrapped__()


def test_other_constants_choose_other_kernels():
    problem, here = ConvProblem(Window.of((56, 56), 3, 1, "same"), 64, 64), targets.current()
    assert algorithms.forward(problem, "fast").is_winograd
    with targets.trying(here._replace(winograd_min_gain=9.0)):
        assert not algorithms.forward(problem, "fast").is_winograd
    with targets.trying(here._replace(vector=8, registers=16)):
        tile = tiles.conv(problem)
        assert tile.columns * tile.filters <= 16 * 8
    assert targets.current() == here


@pytest.mark.skipif("avx2" not in targets.available(), reason="this processor has no AVX2")
def test_kernels_for_avx2_train_as_the_reference_does(tmp_path):
    environment = {**os.environ, "FOVEA_TARGET": "avx2", "FOVEA_CACHE": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", STEP], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "winograd.inputs" in run.stdout  # of both kinds

"""Predictions in chunks: which stages, how many pictures, and the same bits as a whole batch."""

import numpy as np
import pytest

import fovea
from fovea import layers as L
from fovea.kernels import constants, runtime
from fovea.stages import Plan
from tests.cases import halide
from tests.stages.test_plan import NETWORKS, batch

pytestmark = halide


def chunked(monkeypatch, network, count, size):
    """A plan whose chunks have at least `size` pictures: one for each thread."""
    with monkeypatch.context() as patch:
        patch.setattr(constants, "CHUNK_BYTES", 1)
        patch.setattr(constants, "CHUNK_MULTIPLY_ADDS", 10**9)
        patch.setattr(runtime, "threads", lambda: size)
        return Plan(network, count)


@pytest.mark.parametrize("name", NETWORKS)
def test_chunks_change_no_bit(name, monkeypatch):
    """Also where the last chunk is smaller, and a batch is smaller than a chunk."""
    network = NETWORKS[name]()
    images, _ = batch(network, 40)
    whole, plan = Plan(network, 40), chunked(monkeypatch, network, 40, 3)
    for count in (40, 33, 2):
        assert np.array_equal(plan.predict(images[:count]), whole.predict(images[:count]))


def turns(plan):
    return [part.turns for part in plan.parts]


def test_only_stages_before_the_last_large_arrays_run_in_chunks(monkeypatch):
    network = fovea.Network(
        [
            L.Conv2D(32, 1), L.Conv2D(32, 1, stride=2), L.Conv2D(32, 1), L.GlobalAveragePool2D(), L.Dense(4),
        ],
        (16, 16, 32),
    )  # fmt: skip
    numbers = 2 * 16 * 16 * 32  # of a picture, before and behind the first convolution
    monkeypatch.setattr(constants, "CHUNK_BYTES", 4 * 4 * numbers)
    monkeypatch.setattr(runtime, "threads", lambda: 1)
    plan, images = Plan(network, 12), batch(network, 12)[0]
    assert turns(plan)[:4] == [3, 3, 1, 1]  # 4 pictures at a time
    monkeypatch.setattr(constants, "CHUNK_BYTES", 12 * 4 * numbers)
    whole = Plan(network, 12)
    assert set(turns(whole)) == {1}
    assert plan.memory < whole.memory
    assert np.array_equal(plan.predict(images), whole.predict(images))
    monkeypatch.setattr(constants, "CHUNK_BYTES", 4 * 4 * numbers)
    monkeypatch.setattr(constants, "CHUNK_MULTIPLY_ADDS", 1)  # computing limits all of them
    assert set(turns(Plan(network, 12))) == {1}


def test_a_shortcut_and_a_layer_in_python_are_not_split(monkeypatch):
    class Centred(L.Layer):
        """Depends on the whole batch."""

        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev - A_prev.mean(axis=0), None

        def backward(self, dZ, cache):
            return dZ, {}

    residual = NETWORKS["residual blocks"]()
    plan = chunked(monkeypatch, residual, 20, 2)
    first = [part for part in plan.parts if part.turns > 1]
    assert len(plan.parts) > len(first) > 0
    network = fovea.Network(
        [L.Conv2D(16, 1), Centred(), L.Conv2D(16, 1), L.Flatten(), L.Dense(3)], (4, 4, 16)
    )
    plan = chunked(monkeypatch, network, 20, 2)
    assert turns(plan)[:3] == [10, 1, 1]
    images, _ = batch(network, 20)
    assert np.array_equal(plan.predict(images), Plan(network, 20).predict(images))

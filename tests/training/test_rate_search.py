"""The search for a learning rate: it rises, ends when the loss explodes, and leaves everything as it was."""

import numpy as np
import pytest

import fovea
from fovea.errors import ShapeError, TrainingError
from fovea.network import runner
from fovea.training.rate_search import RateSearch
from tests import tiny


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def search(network=None, **options):
    return fovea.find_rate(network or tiny.network(), tiny.splits(), fovea.Recipe(batch_size=8), **options)


def test_what_it_finds_trains_well():
    found = search()
    assert 1e-3 < found.best < 1
    run = fovea.train(tiny.network(), tiny.splits(), epochs=8, batch_size=8, learning_rate=found.best)
    assert run.metrics["top1"] >= 0.9


def test_it_ends_where_the_loss_explodes(monkeypatch):
    class Explodes:
        """Stands for a plan: the loss falls to 0.5 at the tenth step, and then doubles from step to step."""

        def __init__(self, network, *_, **__):
            self.gradients, self.steps = np.zeros_like(network.flat), 0

        def loss_and_gradients(self, images, labels, rng):
            self.steps += 1
            return (1.0 - 0.05 * self.steps if self.steps <= 10 else 0.5 * 2.0 ** (self.steps - 10)), {}

    monkeypatch.setattr(runner, "plan", Explodes)
    found = search()
    assert found.rates == sorted(found.rates)
    assert 12 < len(found.rates) < 20
    assert max(found.smoothed) <= 4 * min(found.smoothed)


def test_the_network_is_what_it_was():
    network = tiny.network()
    before = network.memory.copy()
    search(network)
    assert np.array_equal(network.memory, before)


def test_the_same_seed_finds_the_same():
    assert search() == search()


def test_the_best_is_where_the_loss_is_half_way_down_or_a_tenth_of_where_it_is_lowest():
    rates = np.geomspace(1e-4, 10, 101)
    cliff = (2.0 - 1.5 * (rates > 0.01) - 1e-6 * np.arange(101)).tolist()  # lowest at the end
    assert RateSearch(rates.tolist(), cliff, cliff).best == pytest.approx(0.01, rel=0.2)
    late = (2.0 - 1.5 * (rates > 1)).tolist()
    assert RateSearch(rates.tolist(), late, late).best == pytest.approx(0.1, rel=0.2)


def test_progress_counts_steps():
    heard = []
    search(steps=5, high=1e-3, progress=lambda *n: heard.append(n))
    assert heard == [(i, 5) for i in range(1, 6)]


@pytest.mark.parametrize("options", [{"low": 0}, {"low": 1, "high": 0.5}, {"steps": 1}, {"high": np.inf}])
def test_rates_that_do_not_rise_are_an_error(options):
    with pytest.raises(TrainingError, match="rates above 0 that rise"):
        search(**options)


def test_data_that_does_not_fit_is_an_error():
    with pytest.raises(ShapeError, match="train: pictures"):
        fovea.find_rate(fovea.models.lenet5((28, 28, 1), 3), tiny.splits())

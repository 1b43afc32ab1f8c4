"""The search for a learning rate: it finds the lowest loss, and leaves everything as it was."""

import numpy as np
import pytest

import fovea
from fovea.errors import ShapeError, TrainingError
from fovea.network import runner
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


def test_a_fit_comes_first_and_is_undone(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path))
    network = tiny.network()
    fitted, plain = (
        search(network, task=fovea.Classification(fit_last=fits), steps=3) for fits in (True, False)
    )
    assert min(fitted.losses) < min(plain.losses)
    assert np.array_equal(network.flat, tiny.network().flat)


class Valley:
    """A stand-in for a plan: the loss of a training is lowest at the rate `best`, and infinite above `cliff`.
    All gradients are 1, so the first step moves the first parameter by the rate."""

    best, cliff = 0.01, 1.0

    def __init__(self, network, *_, **__):
        self.start, self.gradients = network.flat[0], np.ones_like(network.flat)
        self.network = network

    def loss_and_gradients(self, images, labels, rng):
        rate = abs(self.start - self.network.flat[0])
        return np.inf if rate > self.cliff else 1 + abs(np.log(max(rate, 1e-9) / self.best)), {}


@pytest.mark.parametrize("start", [1e-4, 1e-3, 0.01, 0.1, 1.0])
def test_it_finds_the_lowest_loss_from_either_side(monkeypatch, start):
    monkeypatch.setattr(runner, "plan", Valley)
    recipe = fovea.Recipe(optimizer=fovea.optimizers.SGD(momentum=0, weight_decay=0), learning_rate=start,
                          schedule="constant", batch_size=8)  # fmt: skip
    found = fovea.find_rate(tiny.network(), tiny.splits(), recipe, steps=2)
    assert found.rates == sorted(found.rates)
    assert found.best == pytest.approx(Valley.best, rel=0.03)
    assert found.losses[found.rates.index(found.best)] == min(found.losses)


def test_rates_that_all_diverge_are_an_error(monkeypatch):
    monkeypatch.setattr(runner, "plan", Valley)
    monkeypatch.setattr(Valley, "cliff", 0.0)
    with pytest.raises(TrainingError, match=r"the loss stays finite, got none from 1\.6e-05 to 0\.16"):
        search(steps=2)


def test_the_start_of_training_does_not_count_when_random_logits_shrink(monkeypatch):
    """LeNet-5's logits begin so large that the loss halves at any rate. Nevertheless, the rate found trains
    better than a tenth or ten times of it."""
    monkeypatch.delenv("FOVEA_ENGINE")
    data = fovea.data.load("digits")
    network = fovea.models.lenet5(data.shape, data.classes)
    best = fovea.find_rate(network, data).best

    def loss(rate):
        network.initialise(0)
        return fovea.train(network, data, epochs=1, learning_rate=rate).history[-1]["val_loss"]

    assert 0.01 <= best <= 0.1
    assert loss(best) < min(loss(best / 10), loss(best * 10))


def test_frozen_layers_do_not_change_during_the_search(monkeypatch):
    network = tiny.network()
    frozen, seen = network.parameters["conv1.W"].copy(), []
    original = runner.Layerwise.loss_and_gradients

    def watched(self, *args, **named):
        seen.append(np.array_equal(network.parameters["conv1.W"], frozen))
        return original(self, *args, **named)

    monkeypatch.setattr(runner.Layerwise, "loss_and_gradients", watched)
    fovea.find_rate(network, tiny.splits(), fovea.Recipe(batch_size=8, freeze="conv1"), steps=5)
    assert all(seen)
    assert not any(layer.frozen for layer in network.layers)


def test_the_network_is_what_it_was():
    network = tiny.network()
    before = network.memory.copy()
    search(network)
    assert np.array_equal(network.memory, before)


def test_the_same_seed_finds_the_same():
    assert search() == search()


def test_progress_counts_steps():
    heard = []
    found = search(steps=5, progress=lambda *n: heard.append(n))
    assert [done for done, _ in heard] == list(range(1, 5 * len(found.rates) + 1))
    assert heard[-1][0] == heard[-1][1] or len(found.rates) < 3
    assert all(done <= total for done, total in heard)


@pytest.mark.parametrize("options", [{"low": 0}, {"low": 1, "high": 0.5}, {"steps": 1}, {"high": np.inf}])
def test_rates_that_do_not_rise_are_an_error(options):
    with pytest.raises(TrainingError, match="rates above 0 that rise"):
        search(**options)


def test_data_that_does_not_fit_is_an_error():
    with pytest.raises(ShapeError, match="train: pictures"):
        fovea.find_rate(fovea.models.lenet5((28, 28, 1), 3), tiny.splits())

"""The moving average of what a network learns, and copies of it."""

from contextlib import suppress

import numpy as np

from fovea.layers import BatchNorm, Dense, Flatten
from fovea.network import Network
from fovea.training.average import Average, Snapshot
from tests import tiny


def test_the_average_of_weights_that_stay_is_those_weights():
    network = tiny.network()
    average, before = Average(network, 0.99), network.memory.copy()
    for step in range(1, 50):
        average.update(step)
    assert np.array_equal(average.memory, before)
    assert np.array_equal(network.memory, before)


def test_the_average_comes_as_near_as_its_decay_says():
    network = tiny.network()
    average, start = Average(network, 0.9), network.memory.copy()
    network.memory += 1
    for step in range(1000, 1010):  # late enough for the bound to play no part
        average.update(step)
    np.testing.assert_allclose(average.memory, start + 1 - 0.9**10, atol=1e-5)


def test_the_first_weights_are_soon_forgotten():
    network = tiny.network()
    average = Average(network, 0.999)
    network.memory[...] = 100
    for step in range(1, 30):
        average.update(step)
    assert average.memory.min() > 99


def test_what_is_shown_goes_away_again_even_after_an_error():
    network = tiny.network()
    copy, before = Snapshot(network), network.memory.copy()
    network.memory += 1
    with suppress(KeyError), copy.applied():
        assert np.array_equal(network.memory, before)
        raise KeyError
    assert np.array_equal(network.memory, before + 1)
    assert np.array_equal(copy.memory, before)


def test_a_copy_is_taken_and_given_back():
    network, other = tiny.network(), tiny.network(seed=1)
    copy, before = Snapshot(network), network.memory.copy()
    network.memory[...] = other.memory
    copy.restore()
    assert np.array_equal(network.memory, before)
    network.memory[...] = other.memory
    copy.capture()
    assert np.array_equal(copy.memory, other.memory)


def test_statistics_are_averaged_too():
    network = Network([BatchNorm(), Flatten(), Dense(3)], (4, 4, 1))
    average = Average(network, 0.5)
    network.statistics["batchnorm1.mean"][...] = 1
    average.update(1000)
    with average.applied():
        assert network.statistics["batchnorm1.mean"][0] == 0.5
        assert network.statistics["batchnorm1.variance"][0] == 1
    assert network.statistics["batchnorm1.mean"][0] == 1

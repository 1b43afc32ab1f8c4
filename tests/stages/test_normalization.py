"""Batch normalisation in a plan: what it runs with, what it learns, and what it keeps."""

import numpy as np
import pytest

import fovea
from fovea import layers as L
from fovea.errors import ShapeError
from fovea.network.runner import Layerwise
from fovea.stages import Plan
from tests.cases import FORWARD, assert_close, halide

pytestmark = halide


def convolved(K=24, side=10, C=3):
    layers = [L.Conv2D(K, 3, padding=1, bias=False), L.BatchNorm(), L.ReLU()]
    return fovea.Network([*layers, L.GlobalAveragePool2D(), L.Dense(4)], (side, side, C))


def dense():
    return fovea.Network([L.Flatten(), L.Dense(20), L.BatchNorm(), L.ReLU(), L.Dense(4)], (3, 3, 2))


def batch(network, count, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((count, *network.input_shape), np.float32)
    return images, rng.integers(0, 4, count).astype(np.int32)


@pytest.mark.parametrize("build", [convolved, dense, lambda: convolved(6)])
def test_a_step_learns_the_statistics_that_the_layers_learn(build):
    one, other = build(), build()
    plan, layers = Plan(one, 37, training=True), Layerwise(other)
    for step, count in enumerate((37, 16, 5)):
        images, labels = batch(one, count, step)
        plan.loss_and_gradients(images, labels)
        with fovea.engine("reference"):
            layers.loss_and_gradients(images, labels)
        for name, values in other.statistics.items():
            assert_close(one.statistics[name], values, FORWARD)


def test_predictions_learn_nothing_and_see_what_was_learned():
    network = convolved()
    plan, (images, labels) = Plan(network, 20, training=True), batch(network, 20)
    before, memory = plan.predict(images), network.memory.copy()
    assert np.array_equal(network.memory, memory)
    plan.loss_and_gradients(images, labels)
    assert np.array_equal(network.flat, memory[: network.flat.size])
    after = plan.predict(images)
    assert not np.array_equal(before, after)
    network.memory[...] = memory
    assert np.array_equal(plan.predict(images), before)


def test_in_a_step_a_picture_depends_on_its_batch_and_in_a_prediction_not():
    network = convolved()
    plan, (images, _) = Plan(network, 20, training=True), batch(network, 20)
    changed = np.concatenate([images[:1], 3 * images[1:]])
    first = plan.predict(images)[0]
    assert np.array_equal(plan.predict(changed)[0], first)


def test_places_without_a_picture_count_nowhere():
    """Pictures side by side: a group's last places are empty, or hold what a larger batch left there."""
    network = convolved(6)
    plan, fresh = Plan(network, 32, training=True), Plan(network, 32, training=True)
    small = batch(network, 19)
    plan.loss_and_gradients(*batch(network, 32, seed=1))
    network.initialise(0)
    found = plan.loss_and_gradients(*small)
    network.initialise(0)
    assert fresh.loss_and_gradients(*small) == found
    assert np.array_equal(plan.gradients, fresh.gradients)


def test_one_number_a_channel_is_refused():
    network = dense()
    with pytest.raises(ShapeError, match='"batchnorm1": expected two numbers per channel in training'):
        Plan(network, 8, training=True).loss_and_gradients(*batch(network, 1))
    assert np.isfinite(Plan(network, 8, training=True).predict(batch(network, 1)[0])).all()


def test_far_from_zero_a_step_is_still_exact():
    """A bias of 1000 in front of the normalisation changes nothing behind it but rounding."""

    def network():
        layers = [L.Conv2D(16, 3), L.BatchNorm(), L.ReLU(), L.GlobalAveragePool2D()]
        return fovea.Network(layers, (9, 9, 2))

    one, other = network(), network()
    other.parameters["conv1.b"][...] = 1000
    images, labels = batch(one, 20)
    plans = [Plan(network, 20, training=True) for network in (one, other)]
    losses = [plan.loss_and_gradients(images, labels)[0] for plan in plans]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    np.testing.assert_allclose(
        other.statistics["batchnorm1.variance"], one.statistics["batchnorm1.variance"], rtol=1e-3
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_seen_in_the_loss_and_the_statistics(wrong):
    network = convolved()
    images, labels = batch(network, 16)
    images[3, 4, 4] = wrong
    loss, _ = Plan(network, 16, training=True).loss_and_gradients(images, labels)
    assert not np.isfinite(loss)
    assert not np.isfinite(network.flat_statistics).all()


def test_the_gradient_of_a_normalisation_takes_the_place_of_the_one_that_comes_in():
    plan = Plan(convolved(), 16, training=True)
    parts = [
        part for part in plan.parts if isinstance(part.stage.layers and part.stage.layers[0], L.BatchNorm)
    ]
    for part in parts:
        assert np.shares_memory(part.gradients.dA.values, part.gradients.dA_prev.values)
    assert parts

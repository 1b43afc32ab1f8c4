"""Filters that whiten: what they make of pictures whose neighbours are alike."""

import numpy as np
import pytest

import fovea
from fovea.classification import choices
from fovea.data import Dataset, Splits, statistics
from fovea.errors import ShapeError, TrainingError
from fovea.layers import Conv2D, Dense, Flatten, ReLU
from fovea.network.preprocessing import Preprocessing
from fovea.training import whitening


def pictures(count: int = 40, channels: int = 3) -> Dataset:
    """Neighbouring pixels and channels are alike, as in photographs."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((count, 20, 20, channels))
    smooth = sum(np.roll(noise, (i, j), (1, 2)) for i in range(4) for j in range(4))
    values = 128 + 12 * (smooth + 0.7 * smooth[..., ::-1] + 2 * noise)
    labels = np.arange(count) % 2
    return Dataset(np.clip(values, 0, 255).astype(np.uint8), labels, ["a", "b"])


def network(*layers, channels: int = 3) -> fovea.Network:
    return fovea.Network([*layers, Flatten(), Dense(2)], (20, 20, channels))


@pytest.mark.parametrize("channels", [1, 3])
def test_answers_have_variance_one_and_nothing_in_common(channels):
    data = pictures(channels=channels)
    preprocessing = Preprocessing(*statistics(data))
    n = 4 * channels
    W = whitening.filters(data, preprocessing, (2, 2, channels, 2 * n))
    x = preprocessing.apply(data.read(slice(None))[0])
    Z = fovea.reference.conv2d(x.astype(np.float64), W, None)
    answers = Z.reshape(-1, 2 * n)
    covariance = np.cov(answers[:, :n].T)
    assert np.abs(covariance - np.eye(n)).max() < 0.05  # ε takes a little of what varies least
    assert np.array_equal(answers[:, n:], -answers[:, :n])


def test_directions_come_by_how_much_pictures_vary_along_them():
    data = pictures()
    W = whitening.filters(data, Preprocessing(*statistics(data)), (2, 2, 3, 12)).reshape(12, 12)
    sizes = np.linalg.norm(W[:, :6], axis=0)  # 1/√λ
    assert np.all(np.diff(sizes) > 0)
    assert np.array_equal(W[:, 6:], -W[:, :6])


def test_an_odd_number_of_filters_leaves_out_the_last_one_turned():
    data, how = pictures(), Preprocessing.none(3)
    five, six = (whitening.filters(data, how, (2, 2, 3, K)) for K in (5, 6))
    assert np.array_equal(five, six[..., :5])


def test_pictures_of_one_colour_are_no_reason_for_infinity():
    data = Dataset(np.full((3, 8, 8, 1), 7, np.uint8), [0, 0, 0], ["a"])
    assert np.isfinite(whitening.filters(data, Preprocessing.none(1), (2, 2, 1, 8))).all()


def test_more_filters_than_two_for_each_number_are_refused():
    with pytest.raises(ShapeError, match=r"^Conv2D \"conv1\": filters: expected at most 24: .*, got 25$"):
        whitening.measure(network(Conv2D(25, 2, initializer="whitening")), pictures())


def test_a_layer_that_sees_no_pictures_is_refused():
    deep = network(Conv2D(4, 3), ReLU(), Conv2D(8, 2, initializer="whitening"))
    with pytest.raises(TrainingError, match=r'"conv2": initializer whitening: expected the network\'s first'):
        whitening.measure(deep, pictures())


def test_training_measures_first_and_what_is_frozen_stays():
    data = pictures()
    net = network(Conv2D(24, 2, initializer="whitening", bias=False), ReLU())
    before = net.parameters["conv1.W"].copy()
    fovea.train(net, Splits("made", data, None, None), epochs=1, batch_size=8, freeze="conv1")
    W = net.parameters["conv1.W"]
    assert not np.array_equal(W, before)
    assert np.array_equal(W, whitening.filters(data, net.preprocessing, W.shape).astype(W.dtype))


def test_a_network_that_knows_its_pictures_keeps_its_filters():
    data = pictures()
    net = network(Conv2D(24, 2, initializer="whitening", bias=False), ReLU())
    net.preprocessing = Preprocessing((0.5,) * 3, (0.2,) * 3)
    before = net.parameters["conv1.W"].copy()
    fovea.train(net, Splits("made", data, None, None), epochs=1, batch_size=8, freeze="conv1")
    assert np.array_equal(net.parameters["conv1.W"], before)


def test_what_is_measured_is_frozen_unless_someone_says_otherwise():
    splits = Splits("made", pictures(), None, None)
    net = fovea.models.quicknet((20, 20, 3), 2)
    recipe, _, lines = choices.choose(net, splits, {})
    assert recipe.freeze == ("conv1",)
    assert "conv1 frozen, whose filters are measured" in lines[0]
    assert choices.choose(net, splits, {"freeze": ()})[0].freeze == ()

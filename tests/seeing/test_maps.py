import numpy as np
import pytest

from fovea import Network, seeing
from fovea.errors import ShapeError
from fovea.layers import Conv2D, Dense, Dropout, Flatten, ReLU


def network():
    return Network([Conv2D(3, 3), ReLU(), Flatten(), Dropout(0.5), Dense(2)], (6, 5, 1), seed=2)


X = np.random.default_rng(0).standard_normal((6, 5, 1)).astype(np.float32)


def test_the_maps_are_what_each_layer_gives_out():
    net = network()
    maps, A = seeing.feature_maps(net, X), X[None]
    assert list(maps) == ["conv1", "relu1", "flatten1", "dropout1", "dense1"]
    for layer in net.layers:
        A, _ = layer.forward(A)
        assert np.array_equal(maps[layer.name], A[0])
    assert np.array_equal(maps["dense1"], net.forward(X[None])[0][0])


def test_one_layer_can_be_asked_for():
    maps = seeing.feature_maps(network(), X, "relu1")
    assert list(maps) == ["relu1"]
    assert maps["relu1"].min() == 0


def test_a_layer_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(ShapeError, match=r"one of conv1, relu1, flatten1, dropout1, dense1, got 'conv9'"):
        seeing.feature_maps(network(), X, "conv9")


def test_the_way_back_can_begin_and_end_anywhere():
    net = network()
    passage = seeing.pass_through(net, X)
    whole = passage.back_from(1)
    halfway = passage.back_from(1, to="relu1")
    assert halfway.shape == passage.outputs["relu1"].shape
    np.testing.assert_allclose(passage.back(halfway, "relu1"), whole, atol=1e-7)
    assert np.array_equal(passage.back(halfway, "relu1", to="relu1"), halfway)
    assert np.array_equal(passage.back_from(1, to="dense1"), [[0, 1]])


def test_probabilities_are_those_of_predict():
    passage = seeing.pass_through(network(), X)
    np.testing.assert_allclose(passage.probabilities, network().predict(X)[0], rtol=1e-5)

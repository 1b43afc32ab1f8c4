import numpy as np
import pytest

from fovea import Network, engine, seeing
from fovea.errors import ShapeError
from fovea.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
from fovea.network.preprocessing import Preprocessing
from tests.cases import ENGINES, assert_close


def network():
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(5)]
    return Network(layers, (9, 8, 3), seed=1, preprocessing=Preprocessing((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)))


def picture(seed=0):
    return np.random.default_rng(seed).random((9, 8, 3))


def test_the_gradient_is_what_finite_differences_of_the_logit_give():
    net, X, h = network(), picture(), 1e-6
    with engine.use("reference"):
        G = seeing.input_gradient(net, X, 3)
        numeric = np.empty_like(G)
        for at in np.ndindex(X.shape):
            step = np.zeros_like(X)
            step[at] = h
            ends = [net.forward((X + sign * step)[None])[0][0, 3] for sign in (1, -1)]
            numeric[at] = (ends[0] - ends[1]) / (2 * h)
    np.testing.assert_allclose(G, numeric, atol=1e-7)


def test_a_pixels_saliency_is_that_of_its_strongest_channel():
    G = seeing.input_gradient(network(), picture(), 2)
    M = seeing.saliency(network(), picture(), 2)
    assert M.shape == (9, 8)
    assert np.array_equal(M, np.abs(G).max(axis=2))


def test_the_class_is_the_likeliest_by_default():
    net, X = network(), picture()
    best = int(net.predict(X).argmax())
    assert np.array_equal(seeing.saliency(net, X), seeing.saliency(net, X, best))
    assert not np.array_equal(seeing.saliency(net, X), seeing.saliency(net, X, (best + 1) % 5))


def test_pixels_are_preprocessed_and_numbers_are_not():
    net, pixels = network(), np.random.default_rng(0).integers(0, 256, (9, 8, 3)).astype(np.uint8)
    numbers = net.preprocessing.apply(pixels[None])[0]
    assert np.array_equal(seeing.saliency(net, pixels), seeing.saliency(net, numbers))


def test_both_engines_see_the_same():
    maps = []
    for name in ("reference", "halide") if engine.available() else ("reference",):
        with engine.use(name):
            maps.append(seeing.saliency(network(), picture().astype(np.float32)))
    assert_close(maps[0], maps[-1], 1e-4)


@pytest.mark.parametrize("name", ENGINES)
def test_a_network_of_one_class_has_a_gradient_too(name):
    net = Network([Flatten(), Dense(1)], (4, 4, 1), seed=1)
    with engine.use(name):
        M = seeing.saliency(net, np.ones((4, 4, 1), np.float32))
    np.testing.assert_allclose(M.ravel(), np.abs(net.parameters["dense1.W"][:, 0]))


@pytest.mark.parametrize("wrong", [5, -1, 1.5, "cat", True])
def test_a_class_that_there_is_not_is_refused(wrong):
    with pytest.raises(ShapeError, match=r"class_index"):
        seeing.saliency(network(), picture(), wrong)


def test_a_picture_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r'^Conv2D "conv1": expected A_prev \(N, 9, 8, 3\), got'):
        seeing.saliency(network(), np.zeros((1, 8, 9, 3)))
    with pytest.raises(ShapeError, match=r"^seeing: expected one picture, got 2: pass each picture"):
        seeing.saliency(network(), np.zeros((2, 9, 8, 3)))


def test_a_network_without_classes_has_maps_and_no_saliency():
    net = Network([Conv2D(2, 3)], (5, 5, 1))
    assert seeing.feature_maps(net, np.zeros((5, 5, 1)))["conv1"].shape == (3, 3, 2)
    with pytest.raises(ShapeError, match=r'^Conv2D "conv1": expected Z \(classes,\), got \(3, 3, 2\)'):
        seeing.saliency(net, np.zeros((5, 5, 1)))

import numpy as np
import pytest

from fovea import Network, engine, models, seeing
from fovea.errors import ShapeError
from fovea.layers import Conv2D, Dense, Flatten, GlobalAveragePool2D, MaxPool2D, ReLU
from tests.cases import ENGINES, assert_close

BLUE, RED = 0, 1


def by_hand():
    """Two classes, blue and red: each filter finds its colour, pixel by pixel, and the class counts them."""
    network = Network([Conv2D(2, 1, bias=False), ReLU(), GlobalAveragePool2D(), Dense(2)], (12, 10, 3))
    network.flat[...] = 0
    W = network.parameters["conv1.W"]
    W[0, 0, :, BLUE], W[0, 0, :, RED] = (-1, -1, 1), (1, -1, -1)
    network.parameters["dense1.W"][...] = np.eye(2)
    return network


def two_objects():
    """On white, a red object above and a blue one below."""
    picture = np.ones((12, 10, 3), np.float32)
    picture[1:4, 2:6] = (1, 0, 0)
    picture[7:11, 5:9] = (0, 0, 1)
    return picture


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("number", "place"), [(RED, np.s_[1:4, 2:6]), (BLUE, np.s_[7:11, 5:9])])
def test_the_map_of_a_class_lights_its_object_and_nothing_else(name, number, place):
    with engine.use(name):
        M = seeing.grad_cam(by_hand(), two_objects(), number)
    lit = np.zeros((12, 10), bool)
    lit[place] = True
    assert np.array_equal(M > 0, lit)
    np.testing.assert_allclose(M[lit], 1 / 120, rtol=1e-5)  # α = 1/120, A = 1


def test_the_map_is_the_weighted_sum_of_the_formula():
    network, X = models.lenet5(seed=1), np.random.default_rng(0).random((28, 28, 1), np.float32)
    passage = seeing.pass_through(network, X)
    A, dA = passage.outputs["relu2"][0], passage.back_from(4, to="relu2")[0]
    expected = np.zeros((10, 10))
    for k in range(16):
        expected += dA[:, :, k].mean() * A[:, :, k]
    assert_close(seeing.grad_cam_map(network, X, 4), np.maximum(expected, 0), 1e-5)


def test_a_convolution_is_taken_with_its_relu_and_the_last_by_default():
    network = models.lenet5()
    assert seeing.cam_layer(network) == seeing.cam_layer(network, "conv2") == "relu2"
    assert seeing.cam_layer(network, "pool1") == "pool1"
    bare = Network([Conv2D(2, 3), MaxPool2D(2), ReLU(), Flatten(), Dense(2)], (8, 8, 1))
    assert seeing.cam_layer(bare) == "conv1"


def test_values_stand_in_the_middle_of_what_they_see():
    """A map without padding reaches less far than the picture, and is not stretched over it."""
    network = Network([Conv2D(1, 5), MaxPool2D(2), Flatten(), Dense(2)], (14, 14, 1))
    values = np.zeros((5, 5))
    values[1, 3] = 1
    laid = seeing.on_picture(network, "pool1", values)
    top, left, bottom, right = seeing.receptive_field(network, "pool1", (1, 3)).box
    assert np.average(np.arange(14), weights=laid.sum(axis=1)) == pytest.approx((top + bottom - 1) / 2)
    assert np.average(np.arange(14), weights=laid.sum(axis=0)) == pytest.approx((left + right - 1) / 2)


def test_values_at_the_edge_of_a_map_leave_no_streaks_to_the_border():
    """conv1 sees 9 pixels: their middles lie from 4 on, so that 4 pixels are beyond the outermost."""
    network = Network([Conv2D(1, 9), Flatten(), Dense(2)], (20, 20, 1))
    laid = seeing.on_picture(network, "conv1", np.ones((12, 12)))
    np.testing.assert_allclose(laid[10], [0, 0, 0, 0.5, *[1] * 12, 0.5, 0, 0, 0])
    same = Network([Conv2D(1, 3, padding="same"), MaxPool2D(4), Flatten(), Dense(2)], (16, 16, 1))
    np.testing.assert_allclose(seeing.on_picture(same, "pool1", np.ones((4, 4))), np.ones((16, 16)))


def test_a_network_without_convolution_is_told_what_else_there_is():
    network = Network([Flatten(), Dense(3)], (5, 5, 1))
    words = r"^grad_cam: expected a network with a convolution, got flatten1, dense1: saliency and occlusion"
    with pytest.raises(ShapeError, match=words):
        seeing.grad_cam(network, np.zeros((5, 5, 1)))


@pytest.mark.parametrize("layer", ["conv9", "dense1"])
def test_a_layer_without_maps_is_refused_with_those_that_have_some(layer):
    words = rf"^grad_cam: layer: expected one of conv1, relu1, pool1, conv2, relu2, pool2, got '{layer}'"
    with pytest.raises(ShapeError, match=words):
        seeing.grad_cam(models.lenet5(), np.zeros((28, 28, 1)), layer=layer)

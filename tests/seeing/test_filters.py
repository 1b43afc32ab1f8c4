import numpy as np
import pytest

from fovea import Network, models, seeing
from fovea.errors import ShapeError
from fovea.layers import Dense, Flatten


def test_the_filters_are_a_copy_of_the_layers():
    network = models.lenet5()
    assert np.array_equal(seeing.filters(network), network.parameters["conv1.W"])
    W = seeing.filters(network, "conv2")
    assert W.shape == (5, 5, 6, 16)
    W[...] = 0
    assert network.parameters["conv2.W"].any()


def test_filters_on_three_channels_are_pictures_in_colour():
    W = np.zeros((3, 3, 3, 2), np.float32)
    W[0, 1, :, 0] = (2, -2, 1)
    pictures = seeing.filter_pictures(W)
    assert pictures.shape == (2, 1, 3, 3, 3)
    assert pictures[0, 0, 0, 1].tolist() == [255, 1, 192]
    assert (pictures[1] == 128).all()  # all zero: middle grey


def test_other_filters_have_a_grey_slice_for_each_channel_on_one_scale():
    W = np.zeros((2, 2, 2, 1), np.float32)
    W[0, 0, 0, 0], W[1, 1, 1, 0] = 4, -1
    pictures = seeing.filter_pictures(W)
    assert pictures.shape == (1, 2, 2, 2, 1)
    assert pictures[0, 0, :, :, 0].tolist() == [[255, 128], [128, 128]]
    assert pictures[0, 1, :, :, 0].tolist() == [[128, 128], [128, 96]]


def test_what_is_no_convolution_is_refused():
    with pytest.raises(ShapeError, match=r"^filters: layer: expected one of conv1, conv2, got 'dense1'"):
        seeing.filters(models.lenet5(), "dense1")
    with pytest.raises(ShapeError, match=r"^filters: expected a network with a convolution, got flatten1"):
        seeing.filters(Network([Flatten(), Dense(2)], (3, 3, 1)))
    with pytest.raises(ShapeError, match=r"\(f_H, f_W, C_in, C_out\), got \(3, 3\)"):
        seeing.filter_pictures(np.zeros((3, 3)))

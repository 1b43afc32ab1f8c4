import re

import numpy as np
import pytest

import fovea
from fovea import engine
from fovea.errors import ShapeError
from fovea.layers import Conv2D, Upsample2D
from fovea.seeing import receptive_field
from tests.cases import ENGINES

ROW = np.array([0, 4, 8], np.float32).reshape(1, 1, 3, 1)


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with engine.use(request.param):
        yield


@pytest.mark.parametrize(
    ("mode", "expected"), [("nearest", [0, 0, 4, 4, 8, 8]), ("bilinear", [0, 1, 3, 5, 7, 8])]
)
def test_a_row_becomes_twice_as_long(mode, expected):
    layer = Upsample2D((1, 2), mode)
    Z, cache = layer.forward(ROW)
    assert Z[0, 0, :, 0].tolist() == expected
    dA_prev, gradients = layer.backward(np.ones_like(Z), cache)
    assert dA_prev[0, 0, :, 0].tolist() == [2, 2, 2]  # each old pixel has a share of two new ones in all
    assert gradients == {}


def test_a_nan_spoils_no_more_than_what_it_has_a_share_in():
    A_prev = np.ones((1, 5, 5, 1), np.float32)
    A_prev[0, 2, 2, 0] = np.nan
    assert np.isnan(Upsample2D(2).forward(A_prev)[0]).sum() == 4
    assert np.isnan(Upsample2D(2, "bilinear").forward(A_prev)[0]).sum() == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "Upsample2D: factor: expected one or two whole numbers of at least 1, got 0"),
        ((1.5,), "Upsample2D: factor: expected one or two whole numbers of at least 1, got 1.5"),
        ((2, "cubic"), "Upsample2D: mode: expected 'nearest' or 'bilinear', got 'cubic'"),
    ],
    ids=str,
)
def test_numbers_without_sense_are_refused(arguments, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        Upsample2D(*arguments)


def test_flat_values_have_no_height():
    with pytest.raises(ShapeError, match=re.escape("Upsample2D: expected an input of (H, W, C), got (7,)")):
        Upsample2D(2).output_shape((7,))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("factor", [1, 2, (3, 4), (5, 2)])
def test_a_field_has_the_pixels_that_have_a_share_and_no_others(factor, mode):
    network = fovea.Network([Upsample2D(factor, mode), Conv2D(1, 2)], (5, 4, 1))
    network.parameters["conv1.W"][...] = 1
    height, width, _ = network.output_shape
    for place in [(0, 0), (height // 2, width // 3), (height - 1, width - 1)]:
        dZ = np.zeros((1, height, width, 1), np.float32)
        dZ[(0, *place)] = 1
        gradient = network.backward(dZ, network.forward(np.ones((1, 5, 4, 1), np.float32))[1])[0]
        assert np.array_equal(receptive_field(network, "conv1", place).pixels, gradient[0, ..., 0] > 0)

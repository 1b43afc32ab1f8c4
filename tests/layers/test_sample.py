import re

import numpy as np
import pytest

import fovea
from fovea import engine
from fovea.errors import ShapeError
from fovea.layers import Conv2D, Pad2D, Resize2D
from fovea.network import Network
from fovea.seeing import receptive_field
from tests.cases import ENGINES

ROW = np.array([1, 2, 3, 4], np.float32).reshape(1, 1, 4, 1)


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with engine.use(request.param):
        yield


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [9, 9, 1, 2, 3, 4, 9]),
        ("mirror", [3, 2, 1, 2, 3, 4, 3]),
        ("nearest", [1, 1, 1, 2, 3, 4, 4]),
        ("wrap", [3, 4, 1, 2, 3, 4, 1]),
        ("reflect", [2, 1, 1, 2, 3, 4, 4]),
    ],
)
def test_a_row_is_padded_on_both_sides(mode, expected):
    layer = Pad2D((0, 0, 2, 1), mode, 9)
    Z, cache = layer.forward(ROW)
    assert Z[0, 0, :, 0].tolist() == expected
    dA_prev, _ = layer.backward(np.ones_like(Z), cache)
    assert dA_prev[0, 0, :, 0].tolist() == [expected.count(value) for value in (1, 2, 3, 4)]


def test_negative_padding_cuts_off():
    assert Pad2D((0, 0, -1, -2)).forward(ROW)[0].tolist() == [[[[2]]]]
    with pytest.raises(ShapeError, match="expected at least one pixel to remain, got 1×4 padded by"):
        Pad2D((0, 0, -1, -3)).output_shape((1, 4, 1))


@pytest.mark.parametrize("layer", [Pad2D(10**9), Pad2D(10**9, "wrap"), Resize2D(10**9)], ids=str)
def test_a_shape_is_told_without_its_pixels(layer):
    assert min(layer.output_shape((4, 4, 1))[:2]) >= 10**9
    with pytest.raises(ShapeError, match="expected an output of at most"):
        Network([layer], (4, 4, 1))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"mode": "nearest"}, [1, 1, 2, 3, 3, 4]),
        ({"mode": "bilinear"}, [1, 1.5, 13 / 6, 17 / 6, 3.5, 4]),
        ({"mode": "bilinear", "align_corners": True}, [1, 1.6, 2.2, 2.8, 3.4, 4]),
    ],
    ids=str,
)
def test_a_row_of_four_becomes_one_of_six(how, expected):
    assert Resize2D((1, 6), **how).forward(ROW)[0].ravel() == pytest.approx(expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_none_spoils_what_it_has_a_share_in_and_nothing_else(value):
    A_prev = np.ones((1, 5, 5, 1), np.float32)
    A_prev[0, 2, 2, 0] = value
    assert (~np.isfinite(Resize2D(9, "bilinear", True).forward(A_prev)[0])).sum() == 9
    assert (~np.isfinite(Pad2D(2, "wrap").forward(A_prev)[0])).sum() == 1
    layer = Pad2D((0, 2, 0, 2), "nearest")
    dZ = np.ones((1, 7, 7, 1), np.float32)
    dZ[0, 6, 6, 0] = value
    dA_prev, _ = layer.backward(dZ, layer.forward(np.ones_like(A_prev))[1])
    assert np.argwhere(~np.isfinite(dA_prev)).tolist() == [[0, 4, 4, 0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Pad2D((1, 2)),
            "Pad2D: padding: expected a whole number, or four (top, bottom, left, right)",
        ),
        (
            lambda: Pad2D(1, "edge"),
            "Pad2D: mode: expected 'reflect', 'mirror', 'nearest', 'wrap', 'constant'",
        ),
        (lambda: Resize2D(0), "Resize2D: size: expected one or two whole numbers of at least 1, got 0"),
        (lambda: Resize2D(2, "cubic"), "Resize2D: mode: expected 'nearest' or 'bilinear', got 'cubic'"),
        (lambda: Resize2D(2, "nearest", True), 'Resize2D: align_corners: expected mode "bilinear"'),
    ],
)
def test_numbers_without_sense_are_refused(make, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        make()


def test_a_field_has_the_pixels_that_have_a_share_and_no_others():
    network = fovea.Network([Pad2D(2, "mirror"), Resize2D((5, 7), "bilinear"), Conv2D(1, 2)], (5, 4, 1))
    network.parameters["conv1.W"][...] = 1
    for place in [(0, 0), (2, 3), (3, 5)]:
        dZ = np.zeros((1, *network.output_shape), np.float32)
        dZ[(0, *place)] = 1
        gradient = network.backward(dZ, network.forward(np.ones((1, 5, 4, 1), np.float32))[1])[0]
        assert np.array_equal(receptive_field(network, "conv1", place).pixels, gradient[0, ..., 0] > 0)

import re

import numpy as np
import pytest

import fovea
from fovea import engine
from fovea.errors import ShapeError
from fovea.layers import Channels, Conv2D, DepthToSpace, SpaceToDepth
from fovea.seeing import receptive_field
from tests.cases import ENGINES


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with engine.use(request.param):
        yield


@pytest.mark.parametrize(("mode", "channels"), [("DCR", [0, 1, 2, 3, 8, 9, 10, 11]), ("CRD", None)])
def test_a_block_becomes_channels(mode, channels):
    A_prev = np.arange(16, dtype=np.float32).reshape(1, 2, 4, 2)
    Z, _ = SpaceToDepth(2, mode).forward(A_prev)
    assert Z[0, 0, 0].tolist() == (channels or [0, 2, 8, 10, 1, 3, 9, 11])
    assert np.array_equal(DepthToSpace(2, mode).forward(Z)[0], A_prev)


def test_channels_are_picked_and_the_others_have_no_gradient():
    A_prev = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    layer = Channels((3, 1))
    Z, cache = layer.forward(A_prev)
    assert Z.ravel().tolist() == [3, 1]
    assert layer.backward(np.array([[[[5, 7]]]], np.float32), cache)[0].ravel().tolist() == [0, 7, 0, 5]


def test_a_field_has_the_blocks_that_a_value_came_from():
    network = fovea.Network([SpaceToDepth(2), DepthToSpace(2), Conv2D(1, 2)], (6, 4, 1))
    assert receptive_field(network, "conv1", (1, 1)).pixels.sum() == 16
    assert receptive_field(network, "conv1", (2, 0)).pixels.sum() == 4


def test_nan_stays_what_it_is_and_where_it_goes():
    A_prev = np.ones((1, 4, 4, 3), np.float32)
    A_prev[0, 3, 2, 1] = np.nan
    for layer in (SpaceToDepth(2), Channels((1,))):
        assert np.isnan(layer.forward(A_prev)[0]).sum() == 1
    assert not np.isnan(Channels((0, 2)).forward(A_prev)[0]).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpaceToDepth(0), "SpaceToDepth: block: expected a whole number of at least 1, got 0"),
        (lambda: DepthToSpace(2, "RCD"), "DepthToSpace: mode: expected 'DCR' or 'CRD', got 'RCD'"),
        (lambda: DepthToSpace(2).output_shape((4, 4, 6)), "expected a multiple of 4 channels, got 6"),
        (lambda: SpaceToDepth(2).output_shape((4, 5, 6)), "rows and columns in multiples of 2, got (4, 5)"),
        (lambda: Channels((1, 1)), "Channels: order: expected numbers of channels from 0, none twice"),
        (
            lambda: Channels((0, 4)).output_shape((2, 2, 4)),
            "Channels: order: expected numbers below 4, got 4",
        ),
    ],
)
def test_numbers_without_sense_are_refused(make, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        make()

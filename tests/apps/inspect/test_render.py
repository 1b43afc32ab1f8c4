import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.apps.inspect import render
from tests.cases import drawn


def test_grey_runs_from_black_to_the_largest_value():
    assert render.grey(np.array([0.0, 1, 2]), 2).tolist() == [0, 128, 255]


def test_where_some_values_are_negative_nothing_is_middle_grey():
    assert render.grey(np.array([-2.0, 0, 2]), 2).tolist() == [0, 128, 255]


def test_equal_and_empty_values_have_a_grey_too():
    assert render.grey(np.zeros(3), 0).tolist() == [0, 0, 0]
    assert render.grey(np.zeros((0, 3)), 0).shape == (0, 3)
    assert render.grey(np.array([np.nan, np.inf, 1]), 1).tolist() == [0, 255, 255]


@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
@drawn
def test_a_sheet_shows_every_tile_once_in_order(count, columns, h, w, channels):
    tiles = [np.full((h, w, channels), 10 + number, np.uint8) for number in range(count)]
    sheet = render.sheet(tiles, columns, side=20)
    k = max(1, 20 // max(h, w))
    opaque = sheet[..., 3] == 255
    assert opaque.sum() == count * h * w * k * k
    assert np.unique(sheet[opaque][:, 0]).tolist() == [10 + number for number in range(count)]
    for number in range(count):
        rows, places = np.nonzero(opaque & (sheet[..., 0] == 10 + number))
        assert (np.ptp(rows) + 1, np.ptp(places) + 1) == (h * k, w * k)
        if number % columns:
            assert places.min() > np.nonzero(opaque & (sheet[..., 0] == 9 + number))[1].max()


@pytest.mark.parametrize("smooth", [False, True])
def test_stretched_values_keep_their_place_and_their_range(smooth):
    values = np.random.default_rng(0).random((4, 5))
    found = render.stretched(values, (40, 25), smooth)
    assert found.shape == (40, 25)
    assert values.min() <= found.min() <= found.max() <= values.max()
    if not smooth:
        assert np.array_equal(found, values.repeat(10, axis=0).repeat(5, axis=1))
    assert np.array_equal(render.stretched(values, (4, 5), smooth), values)


def test_heat_colours_what_matters_and_leaves_the_rest_grey():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    values = np.zeros((2, 3))
    values[0, 1], values[1, 2] = 2, -1
    found = render.heat(picture, values, smooth=False).astype(int)
    red, blue = found[..., 0] - found[..., 2], found[..., 2] - found[..., 0]
    assert (red[:10, 10:20] > 50).all()
    assert (blue[10:, 20:] > 50).all()
    rest = np.ones((20, 30), bool)
    rest[:10, 10:20] = rest[10:, 20:] = False
    assert (red[rest] == 0).all()


def test_heat_of_nothing_is_no_colour():
    picture = np.full((4, 4, 3), (200, 10, 10), np.uint8)
    for values in (np.zeros((4, 4)), np.full((4, 4), np.nan)):
        found = render.heat(picture, values)
        assert np.array_equal(found[..., 0], found[..., 2])


def test_an_outline_goes_round_the_box():
    pixels = np.zeros((10, 10), bool)
    pixels[2:5, 3:9] = True
    picture = np.full((200, 200, 3), 100, np.uint8)
    found = render.spotlit(picture, pixels, (2, 3, 5, 9))
    line = (found == render.OUTLINE).all(axis=2)
    rows, columns = np.nonzero(line)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (40, 100, 60, 180)
    assert (found[50:90, 70:170] == 100).all()
    assert (found[:40] == 35).all()
    assert not render.spotlit(picture, np.zeros((10, 10), bool), (0, 0, 0, 0)).max() > 35


@pytest.mark.parametrize("shape", [(28, 28, 1), (1, 1, 3), (3000, 20, 3), (481, 480, 1), (1, 2000, 1)])
def test_a_picture_is_shown_at_a_readable_size(shape):
    found = render.shown(np.full(shape, 7, np.uint8), 480)
    assert found.shape[2] == 3
    assert 240 < max(found.shape) <= 480
    assert (found == 7).all()

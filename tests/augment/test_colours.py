"""Colour changes: what they keep, as Pillow and the formulas have it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea.augment import colours

LUMA = np.array([0.299, 0.587, 0.114])
FACTOR = st.floats(0, 2)


def matrix(brightness=1.0, contrast=1.0, saturation=1.0, turn=0.0, mean=(100, 50, 20)):
    values = (np.array([value]) for value in (brightness, contrast, saturation, turn))
    return colours.matrices(*values, np.array([mean], float))[0].astype(float)


def applied(M, pixel):
    return M @ [*pixel, 1]


def test_factors_of_one_change_nothing():
    np.testing.assert_allclose(matrix(), np.eye(3, 4), atol=1e-6)


@settings(deadline=None)
@given(saturation=FACTOR, turn=st.floats(-3, 3), pixel=st.tuples(*[st.integers(0, 255)] * 3))
def test_saturation_and_hue_keep_the_luma(saturation, turn, pixel):
    changed = applied(matrix(saturation=saturation, turn=turn), pixel)
    assert abs(changed @ LUMA - np.array(pixel) @ LUMA) < 0.01


@settings(deadline=None)
@given(saturation=FACTOR, turn=st.floats(-3, 3), grey=st.integers(0, 255))
def test_grey_has_neither_saturation_nor_hue(saturation, turn, grey):
    np.testing.assert_allclose(applied(matrix(saturation=saturation, turn=turn), [grey] * 3), grey, atol=0.2)


def test_without_saturation_all_is_grey_and_without_contrast_all_is_the_same():
    grey = applied(matrix(saturation=0), (200, 30, 90))
    np.testing.assert_allclose(grey, (200, 30, 90) @ LUMA, atol=0.1)
    for pixel in ((0, 0, 0), (255, 10, 77)):
        np.testing.assert_allclose(applied(matrix(contrast=0), pixel), (100, 50, 20) @ LUMA, atol=0.01)


def test_brightness_is_a_factor():
    np.testing.assert_allclose(applied(matrix(brightness=0.5), (200, 30, 90)), (100, 15, 45), atol=1e-3)


def test_a_turn_and_the_turn_back():
    there, back = matrix(turn=0.7), matrix(turn=-0.7)
    np.testing.assert_allclose(applied(back, applied(there, (200, 30, 90))), (200, 30, 90), atol=0.01)


def test_a_turn_of_a_third_takes_red_towards_green():
    r, g, b = applied(matrix(turn=-2 * np.pi / 3), (200, 60, 60))
    assert g > r
    assert g > b or b > r


def test_grey_pictures_have_brightness_and_contrast():
    one = np.ones(1)
    M = colours.matrices(2 * one, one / 2, one, one, np.array([[100.0]]))[0]
    np.testing.assert_allclose(M, [[1, 100]])

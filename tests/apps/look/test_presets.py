import numpy as np
import pytest

from fovea import filters
from fovea.apps.look import presets
from fovea.errors import ShapeError


def test_known_filters_are_whole_numbers_as_books_print_them():
    sobel = presets.framed("sobel-vertical", (3, 3), "test")
    assert sobel.tolist() == filters.weights("sobel-vertical", "opencv").tolist()


def test_a_smaller_filter_is_framed_with_zeros():
    framed = presets.framed("scharr-horizontal", (5, 5), "test")
    assert (framed[1:4, 1:4] == filters.weights("scharr-horizontal", "opencv")).all()
    assert np.abs(framed).sum() == np.abs(framed[1:4, 1:4]).sum()


def test_in_colour_it_filters_the_mean_of_the_channels():
    W = presets.whole_filter("sobel-vertical", (3, 3, 3), "test")
    np.testing.assert_allclose(W.sum(axis=2), filters.weights("sobel-vertical", "opencv"))


def test_only_what_fits_is_offered():
    assert presets.fitting((1, 1)) == []
    assert {"sobel-vertical", "scharr-horizontal", "laplacian"} <= set(presets.fitting((3, 3)))
    with pytest.raises(ShapeError, match="1×1"):
        presets.framed("sobel-vertical", (1, 1), "test")

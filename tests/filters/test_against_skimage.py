"""The default convention is scikit-image's: its numbers to 1e-6 of the largest."""

import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("cv2")

import skimage
from scipy import ndimage

from fovea import filters
from fovea.geometry.borders import MODES
from tests.filters import peers
from tests.filters.pictures import SHAPES, TYPES, picture

pytestmark = pytest.mark.usefixtures("engine")


def assert_same(got, expected, dtype):
    assert got.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["prewitt", "sobel", "scharr"])
def test_gradients(name, axis, shape, dtype):
    image = picture(shape, dtype)
    for mode in MODES:
        expected = peers.by_channel(
            lambda i, m=mode: getattr(skimage.filters, name)(i, axis=axis, mode=m), image
        )
        assert_same(getattr(filters, name)(image, axis, mode=mode), expected, dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_roberts_and_laplacian(shape, dtype):
    image = picture(shape, dtype)
    f = skimage.filters
    for peer, got in (
        (f.roberts, filters.roberts(image)),
        (f.roberts_pos_diag, filters.roberts(image, 0)),
        (f.roberts_neg_diag, filters.roberts(image, 1)),
        (f.laplace, filters.laplacian(image)),
    ):
        assert_same(got, peers.by_channel(peer, image), dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sigma", [0, 0.4, 1, 3.3, (2, 0.5)], ids=str)
def test_gaussian(sigma, shape, dtype):
    image = picture(shape, dtype)
    for mode in (None, *MODES):
        expected = peers.by_channel(
            lambda i, m=mode: skimage.filters.gaussian(i, sigma, mode=m or "nearest"), image
        )
        assert_same(filters.gaussian(image, sigma, mode=mode), expected, dtype)


KERNELS = [[[2.5]], [[1, 2]], [[1], [-1]], np.arange(35.0).reshape(5, 7)]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel", KERNELS, ids=np.shape)
def test_any_kernel(kernel, mode, dtype):
    for shape in SHAPES:
        image = picture(shape, dtype)
        expected = peers.correlated(image, kernel, mode, 0.25)
        assert_same(filters.apply(image, kernel, mode=mode, cval=0.25), expected, dtype)


@pytest.mark.parametrize("name", filters.names())
def test_a_filter_by_name_is_its_numbers(name):
    image = picture((20, 30), "float64")
    function, _, way = name.partition("-")
    arguments = [1 if way in ("vertical", "rising") else 0] if way else []
    got = getattr(filters, function)(image, *arguments, mode="reflect")
    assert_same(got, peers.correlated(image, filters.weights(name)), "float64")


@pytest.mark.parametrize("size", [1, 2, 3, 8, (5, 2)], ids=str)
def test_box(size):
    for dtype in TYPES:
        image = picture((37, 41), dtype)
        assert_same(filters.box(image, size), ndimage.uniform_filter(peers.shares(image), size), dtype)

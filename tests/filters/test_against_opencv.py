"""The convention "opencv": whole numbers bit for bit, real ones to 1e-6 of the largest."""

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("skimage")

import cv2

from fovea import filters
from tests.filters import peers
from tests.filters.pictures import SHAPES, TYPES, picture

pytestmark = pytest.mark.usefixtures("engine")
MODES = [None, *peers.BORDERS]


def border(mode):
    return cv2.BORDER_DEFAULT if mode is None else peers.BORDERS[mode]


def assert_same(got, expected):
    expected = expected.reshape(got.shape)  # OpenCV drops an axis of one channel
    assert got.dtype == expected.dtype
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_sobel_scharr_laplacian(mode, shape, dtype):
    image = picture(shape, dtype)
    depth, edge = peers.depth(image), border(mode)
    for axis, (dx, dy) in ((1, (1, 0)), (0, (0, 1))):
        sobel = cv2.Sobel(image, depth, dx, dy, borderType=edge)
        assert_same(filters.sobel(image, axis, convention="opencv", mode=mode), sobel)
        scharr = cv2.Scharr(image, depth, dx, dy, borderType=edge)
        assert_same(filters.scharr(image, axis, convention="opencv", mode=mode), scharr)
    laplacian = cv2.Laplacian(image, depth, borderType=edge)
    assert_same(filters.laplacian(image, convention="opencv", mode=mode), laplacian)


def test_sixteen_bits_of_first_differences_are_exact():
    image = picture((30, 50), "uint16")
    got = filters.scharr(image, 1, convention="opencv")
    np.testing.assert_array_equal(got, cv2.Scharr(image, cv2.CV_32F, 1, 0))


@pytest.mark.parametrize("dtype", TYPES)
def test_magnitude(dtype):
    image = picture((40, 60), dtype)
    depth = cv2.CV_64F if dtype == "float64" else cv2.CV_32F
    both = [cv2.Sobel(image, depth, dx, 1 - dx) for dx in (1, 0)]
    assert_same(filters.magnitude(image, convention="opencv"), cv2.magnitude(*both))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sigma", [0.3, 0.8, 1, 2.5, 7])
def test_gaussian(sigma, shape, dtype):
    image = picture(shape, dtype)
    for mode in MODES:
        expected = cv2.GaussianBlur(image, (0, 0), sigma, borderType=border(mode))
        assert_same(filters.gaussian(image, sigma, convention="opencv", mode=mode), expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size", [(n, n + extra) for n in range(1, 18) for extra in (0, 1)], ids=str)
def test_box(size, dtype):
    for shape in SHAPES[-3:]:
        image = picture(shape, dtype)
        expected = cv2.blur(image, size[::-1])
        assert_same(filters.box(image, size, convention="opencv"), expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (4, 5), (7, 7)], ids=str)
def test_any_kernel(size, shape, dtype):
    image, kernel = picture(shape, dtype), np.random.default_rng(1).normal(size=size)
    for mode in MODES:
        expected = cv2.filter2D(image, -1, kernel, borderType=border(mode))
        got = filters.apply(image, kernel, convention="opencv", mode=mode)
        assert_same(got, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_last_numbers_of_a_row_of_sixteen_bits(channels):
    """Noise, in which some results fall just between two whole numbers."""
    for width in range(9, 26):
        image = picture((40, width, channels), "uint16", seed=width)
        for mode in MODES:
            kernel = np.random.default_rng(width).normal(size=(3, 7))
            expected = cv2.filter2D(image, -1, kernel, borderType=border(mode))
            assert_same(filters.apply(image, kernel, convention="opencv", mode=mode), expected)
            expected = cv2.blur(image, (11, 20), borderType=border(mode))
            assert_same(filters.box(image, (20, 11), convention="opencv", mode=mode), expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["sharpen", "emboss"])
def test_small_kernels(name, dtype):
    for shape in SHAPES:
        image = picture(shape, dtype)
        expected = cv2.filter2D(image, -1, filters.weights(name, "opencv"))
        assert_same(getattr(filters, name)(image, convention="opencv"), expected)

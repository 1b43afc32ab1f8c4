"""Canny's edges are scikit-image's, to the pixel."""

import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("cv2")

import skimage
from scipy import ndimage

from fovea import filters
from fovea.errors import FoveaError
from fovea.functional import operations
from fovea.geometry.borders import MODES
from tests.filters.pictures import TYPES, WHITE, picture


def drawn(kind, dtype, shape=(120, 173)):
    H, W = shape
    y, x = np.mgrid[:H, :W]
    image = {
        "noise": lambda: ndimage.gaussian_filter(np.random.default_rng(0).random(shape), 2) * 6 - 2.5,
        "step": lambda: (x > W // 2).astype(float),
        "square": lambda: ((abs(x - W // 2) < W // 4) & (abs(y - H // 2) < H // 4)).astype(float),
        "disc": lambda: ((x - W / 2) ** 2 + (y - H / 2) ** 2 < (H / 3) ** 2).astype(float),
        "stripes": lambda: (x // 7 + y // 5) % 2 * 0.8,
        "slope": lambda: (x + y) / (H + W),
        "constant": lambda: np.full(shape, 0.4),
    }[kind]().clip(0, 1)
    return np.rint(image * WHITE[dtype]).astype(dtype) if dtype in WHITE else image.astype(dtype)


KINDS = ["noise", "step", "square", "disc", "stripes", "slope", "constant"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_as_scikit_images(kind, dtype, engine):
    image = drawn(kind, dtype)
    for sigma in (0, 0.7, 1, 2.4):
        expected = skimage.feature.canny(image, sigma)
        np.testing.assert_array_equal(filters.canny(image, sigma), expected)
    assert not filters.canny(image)[[0, -1]].any()


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (2, 2), (3, 3), (3, 50), (50, 3), (4, 5), (63, 129)], ids=str
)
def test_of_any_size(shape, engine):
    image = picture(shape, "uint8")
    expected = skimage.feature.canny(image)
    np.testing.assert_array_equal(filters.canny(image), expected)


@pytest.mark.parametrize("mode", MODES)
def test_of_any_border_and_threshold(mode, engine):
    for dtype, unit in (("uint8", 255), ("float32", 1)):
        image = drawn("noise", dtype)
        low, high = 0.05 * unit, 0.3 * unit
        expected = skimage.feature.canny(image, 1.5, low, high, mode=mode, cval=0.3)
        got = filters.canny(image, 1.5, low, high, mode=mode, cval=0.3)
        np.testing.assert_array_equal(got, expected)


def test_real_pictures(engine):
    colour = skimage.data.astronaut()
    expected = skimage.feature.canny(filters.grey(colour), 1.5)
    np.testing.assert_array_equal(filters.canny(colour, 1.5), expected)
    image = skimage.data.camera()
    np.testing.assert_array_equal(filters.canny(image), skimage.feature.canny(image))


@pytest.mark.parametrize("density", [0.05, 0.3, 0.45, 0.6, 0.9])
def test_weak_edges_stay_where_a_strong_one_holds_them(density, engine):
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (1, 30), (30, 1), (40, 50), (50, 3)):
        candidates = (rng.random(shape) < density).astype(np.uint8) + (rng.random(shape) < 0.02)
        candidates[candidates == 1] = np.where(rng.random((candidates == 1).sum()) < 0.98, 1, 2)
        candidates = np.pad(candidates, 1)  # the outermost pixels are no edges
        labels, _ = ndimage.label(candidates, np.ones((3, 3)))
        held = np.unique(labels[candidates == 2])
        np.testing.assert_array_equal(linked(candidates), np.isin(labels, held[held > 0]))


def linked(candidates):
    return operations("hysteresis").linked(candidates)


def test_a_spiral_is_one_edge(engine):
    n = 101
    spiral, (y, x), (dy, dx) = np.zeros((n, n), np.uint8), (0, 0), (0, 1)
    for length in (k for k in range(n - 1, 0, -2) for _ in range(2)):
        for _ in range(length):
            spiral[y, x] = 1
            y, x = y + dy, x + dx
        dy, dx = dx, -dy
    spiral = np.pad(spiral, 1)
    assert not linked(spiral).any()
    spiral[1, 1] = 2
    np.testing.assert_array_equal(linked(spiral), spiral > 0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"low": 3, "high": 2}, "filters.canny: expected low to be at most high, got low=3, high=2"),
        ({"low": 200}, "filters.canny: expected low to be at most high, got low=200, high=51"),
        ({"sigma": -1}, "filters.canny: sigma: expected a number from 0 to 1000, got -1"),
        ({"sigma": "wide"}, "got 'wide'"),
        ({"sigma": float("nan")}, "got nan"),
        ({"high": None, "low": float("inf")}, "low"),
    ],
)
def test_wrong_numbers_are_errors(arguments, expected):
    with pytest.raises(FoveaError, match=expected):
        filters.canny(np.zeros((9, 9), np.uint8), **arguments)

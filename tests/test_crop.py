"""Pictures keep their proportions where they are cropped instead of stretched."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from fovea import images
from fovea.errors import DataError


def striped(height, width):
    """Each column's value is its number; each row the same."""
    return np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 1)).copy()


def test_a_crop_of_the_same_size_is_the_middle(tmp_path):
    images.write(tmp_path / "a.png", striped(20, 60))
    assert_array_equal(images.read(tmp_path / "a.png", 20, crop=1.0), striped(20, 60)[:, 20:40])
    assert_array_equal(images.read(tmp_path / "a.png", 10, crop=0.5), striped(20, 60)[5:15, 25:35])
    assert_array_equal(images.read(tmp_path / "a.png", (20, 60), crop=1.0), striped(20, 60))


def test_a_crop_is_what_pillow_makes_of_the_part(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    images.write(tmp_path / "a.png", picture)
    part = Image.fromarray(picture).crop((0, 10, 70, 80)).resize((35, 35), Image.Resampling.BILINEAR)
    got = images.read(tmp_path / "a.png", 35, crop=1.0)
    assert_array_equal(got[1:-1], np.asarray(part)[1:-1])  # smoothing reaches beyond the part


def test_a_crop_of_a_large_jpeg_is_decoded_small_but_large_enough(tmp_path):
    ramp = np.repeat(np.linspace(0, 255, 1600).astype(np.uint8)[None, :, None], 800, 0)
    images.write(tmp_path / "a.jpg", np.repeat(ramp, 3, 2))
    got = images.read(tmp_path / "a.jpg", 100, crop=0.5)
    assert got.shape == (100, 100, 3)
    expected = np.linspace(600, 1000, 100) / 1600 * 255
    assert np.abs(got[50, :, 0] - expected).max() < 3


@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (3, 7)])
def test_very_long_pictures_can_be_cropped(shape, tmp_path):
    images.write(tmp_path / "a.png", np.full((*shape, 1), 77, np.uint8))
    got = images.read(tmp_path / "a.png", (16, 8), crop=0.875)
    assert got.shape == (16, 8, 1)
    assert (got == 77).all()


def test_arrays_are_cropped_like_files(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    images.write(tmp_path / "a.png", picture)
    expected = images.read(tmp_path / "a.png", (16, 20), crop=0.9)
    assert_array_equal(images.fit(picture[None], (16, 20), crop=0.9)[0], expected)


@pytest.mark.parametrize("crop", [0, -1, 1.01, float("nan")])
def test_a_crop_is_a_share(crop):
    with pytest.raises(
        DataError, match=r'^crop: expected a share above 0 and at most 1, or "letterbox", got '
    ):
        images.read("nowhere.png", 8, crop=crop)

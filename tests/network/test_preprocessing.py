import numpy as np
import pytest

from fovea.errors import ShapeError
from fovea.network.preprocessing import Preprocessing

PIXELS = np.arange(256, dtype=np.uint8).reshape(1, 8, 16, 2)


def test_the_mean_becomes_0_and_a_std_more_becomes_1():
    x = Preprocessing((100 / 255, 101 / 255), (50 / 255, 50 / 255)).apply(PIXELS)
    assert x.dtype == np.float32
    assert x.ravel()[[100, 101]] == pytest.approx([0, 0], abs=1e-6)
    assert x.ravel()[[150, 151]] == pytest.approx([1, 1])


def test_none_of_it_leaves_0_to_1():
    x = Preprocessing.none(2).apply(PIXELS)
    assert (x.min(), x.max()) == (0, 1)


def test_scale_and_offset_are_the_same_map():
    p = Preprocessing((0.3, 0.6), (0.1, 0.25))
    np.testing.assert_allclose(
        p.apply(PIXELS), (PIXELS / 255 - [0.3, 0.6]) / [0.1, 0.25], rtol=1e-5, atol=1e-5
    )
    assert p.scale.shape == p.offset.shape == (2,)
    assert p.scale.dtype == p.offset.dtype == np.float32


def test_a_file_brings_it_back():
    p = Preprocessing((0.1307,), (0.3081,))
    assert Preprocessing.from_dict(p.to_dict()) == p


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((), ()),
        ((0.5,), (0.0,)),
        ((0.5,), (-1,)),
        ((0.5, 0.5), (1,)),
        ((float("nan"),), (1,)),
        ("a", "b"),
        (0.5, 1),
    ],
)
def test_what_is_no_mean_and_std_is_refused(mean, std):
    with pytest.raises(
        ShapeError, match=r"^Preprocessing: expected a mean and a positive std for each channel"
    ):
        Preprocessing(mean, std)


@pytest.mark.parametrize("content", [None, [], {"mean": [0]}, {"mean": [0], "std": [1], "more": 0}])
def test_what_is_no_preprocessing_is_refused(content):
    with pytest.raises(ShapeError, match=r"^Preprocessing: expected mean and std"):
        Preprocessing.from_dict(content)


def test_only_pixels_of_its_channels_are_taken():
    with pytest.raises(ShapeError, match=r"^Preprocessing: expected uint8 pictures of 2 channels"):
        Preprocessing.none(2).apply(PIXELS / 255)
    with pytest.raises(ShapeError, match=r"got uint8 of \(1, 16, 16, 1\)"):
        Preprocessing.none(2).apply(PIXELS.reshape(1, 16, 16, 1))


def test_a_crop_is_kept_in_the_model_file_and_others_have_none():
    stretched, cropped = Preprocessing((0.5,), (0.5,)), Preprocessing((0.5,), (0.5,), crop=0.875)
    assert stretched.to_dict() == {"mean": [0.5], "std": [0.5]}
    assert Preprocessing.from_dict(stretched.to_dict()) == stretched
    assert Preprocessing.from_dict(cropped.to_dict()) == cropped


@pytest.mark.parametrize("crop", [0, -1, 1.5, float("nan"), "much", True])
def test_a_crop_is_a_share_above_0(crop):
    with pytest.raises(
        ShapeError,
        match=r'^Preprocessing: crop: expected a share above 0 and at most 1, or "letterbox", got ',
    ):
        Preprocessing((0.5,), (0.5,), crop=crop)

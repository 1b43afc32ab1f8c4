"""Augmentation: a matrix a picture, drawn from the range that was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fovea
from fovea.augment import Augment
from fovea.errors import DataError

SIZE = (12, 20)
SETTINGS = st.builds(
    Augment, st.floats(0, 1), st.booleans(), st.floats(0, 180), st.floats(0, 0.99)
)  # fmt: skip


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, *SIZE, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _reference():
    with fovea.engine("reference"):
        yield


def test_flipped_pictures_are_mirrored_exactly(pictures):
    changed = Augment(flip=True)(pictures, np.random.default_rng(0))
    mirrored = [np.array_equal(c, p[:, ::-1]) for c, p in zip(changed, pictures, strict=True)]
    kept = [np.array_equal(c, p) for c, p in zip(changed, pictures, strict=True)]
    assert np.logical_xor(mirrored, kept).all()
    assert 8 < sum(mirrored) < 32


def test_shifts_move_and_nothing_else():
    M = Augment(shift=0.25).matrices(1000, SIZE, np.random.default_rng(0))
    assert (M[:, :, :2] == np.eye(2)).all()
    assert 0.99 * 5 < np.abs(M[:, 0, 2]).max() <= 5  # a quarter of 20 columns
    assert 0.99 * 3 < np.abs(M[:, 1, 2]).max() <= 3
    assert np.abs(M[:, :, 2].mean(axis=0)).max() < 0.3


def test_turns_keep_the_middle_and_all_distances():
    M = Augment(rotate=30).matrices(1000, SIZE, np.random.default_rng(0))
    middle = np.array([9.5, 5.5, 1], np.float32)
    np.testing.assert_allclose(M @ middle, np.tile(middle[:2], (1000, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(M[:, :, :2]), 1, atol=1e-6)
    angles = np.rad2deg(np.arctan2(M[:, 1, 0], M[:, 0, 0]))
    assert angles.min() == pytest.approx(-30, abs=0.2)
    assert angles.max() == pytest.approx(30, abs=0.2)


def test_a_turn_to_the_left_and_one_to_the_right():
    quarter = Augment(rotate=90)
    picture = np.zeros((1, 9, 9, 1), np.uint8)
    picture[0, 4, 7] = 255  # right of the middle
    turn = quarter.matrices(1, (9, 9), _Always(1.0))  # the output's right comes from below
    from fovea.functional import warp

    assert warp(picture, turn, (9, 9))[0, 1, 4] == 255


class _Always:
    """A generator whose every number is the same."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self, shape) -> np.ndarray:
        return np.full(shape, self.number)


@settings(deadline=None, max_examples=40)
@given(crop=st.floats(0, 0.99), seed=st.integers(0, 1000))
def test_crops_stay_within_the_picture(crop, seed):
    M = Augment(crop=crop).matrices(20, SIZE, np.random.default_rng(seed))
    # The edges of the outermost pixels, half a pixel beyond their centres.
    corners = np.array([[-0.5, -0.5, 1], [SIZE[1] - 0.5, SIZE[0] - 0.5, 1]], np.float32).T
    x, y = (M @ corners).transpose(1, 0, 2)
    assert x.min() >= -0.5001
    assert y.min() >= -0.5001
    assert x.max() <= SIZE[1] - 0.4999
    assert y.max() <= SIZE[0] - 0.4999
    assert (M[:, 0, 0] >= 1 - crop - 1e-6).all()


def test_the_same_generator_gives_the_same_pictures(pictures):
    augment = Augment(0.1, True, 10, 0.2)
    before = pictures.copy()
    first, again, other = (augment(pictures, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(pictures, before)
    assert first.shape == pictures.shape
    assert first.dtype == np.uint8


def test_nothing_asked_for_changes_nothing(pictures):
    assert not Augment()
    assert Augment()(pictures, np.random.default_rng(0)) is pictures
    assert (Augment().matrices(5, SIZE, np.random.default_rng(0)) == [[1, 0, 0], [0, 1, 0]]).all()


@pytest.mark.parametrize(
    ("text", "augment"),
    [
        ("", Augment()),
        ("none", Augment()),
        ("shift,flip", Augment(shift=0.1, flip=True)),
        ("rotate=25", Augment(rotate=25)),
        ("shift=0.2, flip, rotate, crop=0.5", Augment(0.2, True, 10, 0.5)),
    ],
)
def test_what_is_typed(text, augment):
    assert Augment.parse(text) == augment


@settings(deadline=None, max_examples=40)
@given(SETTINGS)
def test_what_is_printed_can_be_typed(augment):
    assert Augment.parse(str(augment)) == augment


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spin", "expected some of shift, flip, rotate, crop, .* got 'spin'"),
        ("flip=2", "got 'flip=2'"),
        ("shift=far", "shift: expected a number, got 'far'"),
        ("shift=", "shift: expected a number, got ''"),
        ("shift=-1", "shift: expected a number from 0 to 1, got -1.0"),
        ("crop=1", "crop: expected a number from 0 to 0.99, got 1.0"),
        ("rotate=nan", "rotate: expected a number from 0 to 180, got nan"),
    ],
)
def test_what_cannot_be_meant(text, words):
    with pytest.raises(DataError, match=words):
        Augment.parse(text)

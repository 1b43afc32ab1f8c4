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
    Augment, st.floats(0, 1), st.booleans(), st.floats(0, 180), st.floats(0, 0.99), st.floats(0, 3),
    st.integers(0, 9), st.booleans(), st.floats(0, 0.99), st.floats(0, 0.99), st.floats(0, 1),
    st.floats(0, 0.5), st.floats(0, 1),
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
    turn = quarter.matrices(1, (9, 9), _Always(1 - 1e-12))  # the output's right comes from below
    from fovea.functional import warp

    assert warp(picture, turn, (9, 9))[0, 1, 4] == 255


class _Always:
    """A generator whose every number is the same."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self, shape) -> np.ndarray:
        return np.full(shape, self.number)


@settings(deadline=None, max_examples=40)
@given(crop=st.floats(0, 0.99), stretch=st.floats(0, 3), seed=st.integers(0, 1000))
def test_crops_stay_within_the_picture(crop, stretch, seed):
    M = Augment(crop=crop, stretch=stretch).matrices(20, SIZE, np.random.default_rng(seed))
    # The edges of the outermost pixels, half a pixel beyond their centres.
    corners = np.array([[-0.5, -0.5, 1], [SIZE[1] - 0.5, SIZE[0] - 0.5, 1]], np.float32).T
    x, y = (M @ corners).transpose(1, 0, 2)
    assert x.min() >= -0.5001
    assert y.min() >= -0.5001
    assert x.max() <= SIZE[1] - 0.4999
    assert y.max() <= SIZE[0] - 0.4999
    wider = M[:, 0, 0] / M[:, 1, 1]
    assert wider.max() <= 1 + stretch + 1e-4
    assert wider.min() >= 1 / (1 + stretch) - 1e-4
    assert stretch or (M[:, 0, 0] >= 1 - crop - 1e-6).all()


@pytest.mark.parametrize("pad", [1, 2, 4])
def test_padding_moves_by_whole_pixels_each_as_often(pad, pictures):
    M = Augment(pad=pad).matrices(9000, SIZE, np.random.default_rng(0))
    assert (M[:, :, :2] == np.eye(2)).all()
    for axis in (0, 1):
        moves, often = np.unique(M[:, axis, 2], return_counts=True)
        assert moves.tolist() == list(range(-pad, pad + 1))
        assert often.min() > 0.8 * 9000 / (2 * pad + 1)
    moved = Augment(pad=pad, reflect=True)(pictures, np.random.default_rng(1))
    M = Augment(pad=pad).matrices(len(pictures), SIZE, np.random.default_rng(1))
    wide = np.pad(pictures, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    for got, picture, (x, y) in zip(moved, wide, M[:, :, 2].astype(int) + pad, strict=True):
        assert np.array_equal(got, picture[y : y + SIZE[0], x : x + SIZE[1]])


def test_who_is_mirrored_can_be_said(pictures):
    which = np.arange(len(pictures)) % 3 == 0
    changed = Augment(flip=True)(pictures, np.random.default_rng(0), which)
    assert np.array_equal(changed[which], pictures[which][:, :, ::-1])
    assert np.array_equal(changed[~which], pictures[~which])
    assert np.array_equal(Augment(cutout=0)(pictures, np.random.default_rng(0), which), pictures)


def test_a_square_is_covered_and_nothing_else(pictures):
    changed = Augment(cutout=0.5)(pictures, np.random.default_rng(0))
    for before, after in zip(pictures, changed, strict=True):
        rows, columns = np.nonzero((before != after).any(axis=2))
        top, left = rows.min(), columns.min()
        covered = after[top : rows.max() + 1, left : columns.max() + 1]
        assert covered.shape[0] <= 6
        assert covered.shape[1] <= 6
        assert np.array_equal(covered, np.broadcast_to(np.rint(before.mean(axis=(0, 1))), covered.shape))
    assert np.array_equal(
        Augment(cutout=1e-9)(np.full_like(pictures, 7), np.random.default_rng(0)), pictures * 0 + 7
    )


def test_colours_stay_within_their_strengths(pictures):
    level = np.full((200, 4, 4, 3), 100, np.uint8)
    brighter = Augment(brightness=0.5)(level, np.random.default_rng(0))
    assert 50 <= brighter.min() < 55
    assert 145 < brighter.max() <= 150
    for name in ("contrast", "saturation", "hue"):  # what is all one grey has nothing of these
        assert np.array_equal(Augment(**{name: 0.5})(level, np.random.default_rng(0)), level)
        assert not np.array_equal(Augment(**{name: 0.5})(pictures, np.random.default_rng(0)), pictures)
    grey = pictures[..., :1]
    assert np.array_equal(Augment(saturation=1, hue=0.5)(grey, np.random.default_rng(0)), grey)


def test_colours_keep_where_things_are(pictures):
    changed = Augment.parse("colour")(pictures, np.random.default_rng(0))
    assert changed.shape == pictures.shape
    low = (pictures // 2 + 64).astype(np.uint8)  # far from both ends
    milder = Augment(contrast=0.1)(low, np.random.default_rng(0))
    order = np.argsort(low[0].sum(axis=2), axis=None, kind="stable")
    assert (
        np.diff(milder[0].sum(axis=2, dtype=int).reshape(-1)[order]) >= -3
    ).all()  # what is lighter stays lighter


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
        ("pad,reflect,cutout", Augment(pad=4, reflect=True, cutout=0.25)),
        ("pad=2,stretch,hue=0.1", Augment(pad=2, stretch=0.33, hue=0.1)),
        ("colour,hue=0.2", Augment(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.2)),
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
        ("spin", "expected some of shift, pad, flip, rotate, crop, .* got 'spin'"),
        ("reflect=1", "reflect: expected no strength; .* got '1'"),
        ("colour=0.2", "^augment: colour: expected no strength; shift, pad, .* have one, got '0.2'"),
        ("pad=1.5", "pad: expected a whole number from 0 to 1000, got 1.5"),
        ("cutout=2", "cutout: expected a number from 0 to 1, got 2.0"),
        ("hue=0.6", "hue: expected a number from 0 to 0.5, got 0.6"),
        ("flip=2", "flip: expected no strength; .* got '2'"),
        ("shift=far", "shift: expected a number from 0 to 1, got far"),
        ("shift=", "augment: expected changes with strengths .*, got 'shift='"),
        ("shift=-1", "shift: expected a number from 0 to 1, got -1.0"),
        ("pad=2,pad=3", "expected each name once, got 'pad' twice"),
        ("crop=1", "crop: expected a number from 0 to 0.99, got 1.0"),
        ("rotate=nan", "rotate: expected a number from 0 to 180, got nan"),
    ],
)
def test_what_cannot_be_meant(text, words):
    with pytest.raises(DataError, match=words):
        Augment.parse(text)

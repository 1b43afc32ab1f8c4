"""The drawn digits are the same bits on every machine, and every digit is there equally often."""

import hashlib
import time

import numpy as np
import pytest

from fovea import data
from fovea.data import digits, strokes

DIGEST = "cb518668a60568b9bb80239e5294549c626d3830af033b15fb72b3f3a7548cd5"


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return digits.draw()


def test_the_same_bits_everywhere(drawn):
    pictures, labels = drawn
    assert hashlib.sha256(pictures.tobytes() + labels.astype("<i4").tobytes()).hexdigest() == DIGEST


def test_every_digit_equally_often_in_both_parts(drawn):
    pictures, labels = drawn
    assert pictures.shape == (12_000, 28, 28, 1)
    assert np.bincount(labels[: digits.TRAIN]).tolist() == [digits.TRAIN // 10] * 10
    assert np.bincount(labels[digits.TRAIN :]).tolist() == [digits.TEST // 10] * 10


def test_no_picture_comes_twice(drawn):
    assert len({picture.tobytes() for picture in drawn[0]}) == len(drawn[0])


def test_there_is_ink_on_every_picture(drawn):
    spread = np.quantile(drawn[0].reshape(len(drawn[0]), -1), [0.2, 0.98], axis=1)
    assert (spread[1] - spread[0]).min() > 20


def test_parts_are_what_was_drawn(drawn):
    splits = data.load("digits", seed=3)
    assert splits.classes == list("0123456789")
    assert splits.shape == (28, 28, 1)
    assert [len(part) for part in splits.parts.values()] == [9_000, 1_000, 2_000]
    assert np.array_equal(splits.test.read(slice(None))[0], drawn[0][digits.TRAIN :])
    assert splits.train.name_of(0).startswith("digits/train[")


def test_they_are_drawn_in_seconds():
    start = time.perf_counter()
    digits.draw()
    assert time.perf_counter() - start < 20  # some two seconds on two cores; machines that test are busy


def test_strokes_begin_and_end_where_they_say():
    assert strokes.segments("M 1 2 L 3 4 L 5 6").tolist() == [[1, 2, 3, 4], [3, 4, 5, 6]]
    curve = strokes.segments("M 0 0 Q 4 0 4 4")
    assert curve[0, :2].tolist() == [0, 0]
    assert curve[-1, 2:].tolist() == [4, 4]
    assert curve[3, 2:].tolist() == [3, 1]  # the middle of a quadratic curve: (p₀ + 2p₁ + p₂)/4
    ring = strokes.segments("O 5 8 2 3")
    assert ring[0, :2].tolist() == ring[-1, 2:].tolist()
    np.testing.assert_allclose(((ring[:, 0] - 5) / 2) ** 2 + ((ring[:, 1] - 8) / 3) ** 2, 1)


def test_every_font_has_ten_digits_within_its_grid():
    for font in strokes.FONTS.values():
        assert len(font.glyphs) == 10
        for glyph in font.glyphs:
            ends = strokes.segments(glyph).reshape(-1, 2)
            assert ends.min(axis=0).tolist() >= [0, -1]
            assert (ends.max(axis=0) <= (10, 17)).all()

"""Boxes with labels on pictures."""

import numpy as np
import pytest

from fovea.images.marking import class_colours, marked

RED = (230, 20, 20)


def grey(value, height=120, width=160, channels=3):
    return np.full((height, width, channels), value, np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_box_is_drawn_on_a_copy(channels):
    picture = grey(128, channels=channels)
    found = marked(picture, np.array([[40, 30, 100, 90]]), [RED])
    assert (picture == 128).all()
    assert found.shape == (120, 160, 3)
    changed = np.argwhere((found != 128).any(axis=2))
    assert (abs(changed.min(axis=0) - [30, 40]) <= 2).all()
    assert (abs(changed.max(axis=0) - [90, 100]) <= 2).all()
    assert (found[35:85, 45:95] == 128).all()  # the object is not hidden


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128)])
def test_a_box_is_seen_on_any_background(value, colour):
    found = marked(grey(value), np.array([[40, 30, 100, 90]]), [colour]).astype(int)
    assert abs(found[25:95, 35:45] - value).max() > 100


def test_a_box_at_the_edge_or_beyond_is_drawn_at_the_edge():
    found = marked(grey(128), np.array([[-50, -50, 500, 500], [300, 300, 400, 400]]), [RED, RED])
    assert (found[:, 0] == RED).all(axis=1).any()
    assert (found[-1] == RED).all(axis=1).any()


def plates(labels, corners):
    """Where labels changed the picture."""
    corners, colours = np.array(corners), [RED] * len(corners)
    plain = marked(grey(128, 240, 320), corners, colours)
    return (marked(grey(128, 240, 320), corners, colours, labels) != plain).any(axis=2)


def test_a_label_does_not_hide_a_box():
    corners = [[10, 60, 90, 120], [10, 20, 90, 58], [95, 20, 180, 120]]
    where = plates(["cat", "", ""], corners)
    assert where.any()
    for x0, y0, x1, y1 in corners:
        assert not where[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].any()


def test_a_label_that_would_hide_another_is_left_out():
    one = plates(["a long name"], [[100, 100, 130, 120]])
    many = plates(["a long name"] * 200, [[100, 100, 130, 120]] * 200)
    assert one.any()
    assert many.mean() < 12 * one.mean()


@pytest.mark.parametrize("label", ["", "猫", "x" * 100, "two\nlines", "\udcff"])
def test_any_label_and_any_size_of_picture_is_drawn(label):
    for height, width in ((1, 1), (8, 400), (300, 40)):
        found = marked(grey(0, height, width), np.array([[0, 0, width, height]]), [RED], [label])
        assert found.shape == (height, width, 3)
    assert marked(grey(0), np.zeros((0, 4)), [], []).shape == (120, 160, 3)


@pytest.mark.parametrize("count", [1, 10, 11, 80])
def test_every_class_has_a_colour_of_its_own(count):
    colours = class_colours(count)
    assert len(set(colours)) == count
    assert all(0 <= part <= 255 for colour in colours for part in colour)

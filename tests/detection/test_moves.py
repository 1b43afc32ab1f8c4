"""Boxes move with their pictures: letterboxes, changes of form, mosaics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import images
from fovea.augment import Augment
from fovea.detection.boxes import Boxes, iou
from fovea.detection.dataset import Boxed, placed, taken_out
from fovea.detection.moves import Moves
from fovea.errors import DataError
from fovea.geometry.letterbox import LETTERBOX, letterbox
from fovea.network.preprocessing import Preprocessing

sides = st.integers(1, 60)
SIZE = 48, 64, 3


@given(sides, sides, sides, sides)
def test_a_letterbox_touches_two_edges_and_keeps_the_proportions(H, W, h, w):
    top, left, height, width = letterbox((H, W), (h, w))
    assert height == h or width == w
    assert 0 <= top <= h - height
    assert 0 <= left <= w - width
    assert abs((h - height) - 2 * top) <= 1
    assert abs((w - width) - 2 * left) <= 1
    scale = min(h / H, w / W)
    assert height == max(round(H * scale), 1)
    assert width == max(round(W * scale), 1)


@settings(max_examples=30)
@given(sides, sides, st.sampled_from([1, 3]))
def test_a_picture_in_a_letterbox_is_there_and_grey_is_around_it(H, W, channels):
    picture = np.full((H, W, channels), 200, np.uint8)
    (found,) = images.fit(picture[None], (24, 32), channels, LETTERBOX)
    top, left, height, width = letterbox((H, W), (24, 32))
    inside = np.zeros((24, 32), bool)
    inside[top : top + height, left : left + width] = True
    assert (found[inside] == 200).all()
    assert (found[~inside] == images.GREY).all()


def test_a_file_is_read_into_a_letterbox(tmp_path):
    picture = np.random.default_rng(1).integers(0, 255, (30, 20, 3), np.uint8)
    images.write(tmp_path / "a.png", picture)
    found = images.read(tmp_path / "a.png", (30, 40), 3, LETTERBOX)
    assert np.array_equal(found[:, 10:30], picture)
    assert (found[:, :10] == images.GREY).all()


def test_a_network_remembers_its_letterbox():
    made = Preprocessing((0.5,) * 3, (0.2,) * 3, LETTERBOX)
    assert Preprocessing.from_dict(made.to_dict()) == made
    with pytest.raises(DataError, match="a share above 0 and at most 1, or \"letterbox\", got 'post'"):
        images.check_crop("post")


@given(sides, sides, sides, sides, st.integers(0, 2**32 - 1))
def test_boxes_go_into_the_letterbox_and_back(H, W, h, w, seed):
    boxes = np.random.default_rng(seed).uniform(0, [W, H, W, H], (5, 4)).astype(np.float32)
    inside = placed(boxes, (H, W), (h, w))
    assert (inside >= -1e-3).all()
    assert (inside <= np.array([w, h, w, h]) + 1e-3).all()
    assert np.allclose(taken_out(inside, (H, W), (h, w)), boxes, atol=1e-3)


def rectangles(n: int, seed: int = 0) -> Boxed:
    """Black pictures with a rectangle each, in a colour of its own that is also its class."""
    rng = np.random.default_rng(seed)
    pictures, boxes = np.zeros((n, *SIZE), np.uint8), []
    for k, picture in enumerate(pictures):
        x0, y0 = rng.integers(0, 30, 2)
        x1, y1 = x0 + rng.integers(12, 30), y0 + rng.integers(10, 18)
        picture[y0:y1, x0:x1, 0] = 255
        picture[y0:y1, x0:x1, 1:] = divmod(k, 8)[0] * 30, k % 8 * 30
        boxes.append(Boxes([[x0, y0, min(x1, SIZE[1]), min(y1, SIZE[0])]], [k]))
    return Boxed(pictures, boxes, [SIZE[:2]] * n, [f"c{k}" for k in range(n)])


def extent(picture: np.ndarray, kind: int) -> np.ndarray:
    """The box around the pixels of the rectangle of that class."""
    own = np.array([255, kind // 8 * 30, kind % 8 * 30])
    shown = (np.abs(picture - own * (picture[..., :1] / 255)) < 8).all(axis=2) & (picture[..., 0] > 128)
    y, x = np.nonzero(shown)
    return np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]]) if len(x) else np.zeros((1, 4))


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
@pytest.mark.parametrize(
    "augment", ["none", "flip,shift=0.2", "flip,crop=0.4,stretch=0.3", "shift=0.5,pad=8"]
)
def test_a_box_is_where_its_object_is_seen(augment, mosaic):
    data = rectangles(64)
    change = Moves(data, Augment.parse(augment), 0.4, mosaic)
    numbers, known = np.arange(8), np.ones(8, bool)
    seen = 0
    for seed in range(4):
        pictures, targets = change(
            data.read(numbers)[0], data.targets(numbers, known), np.random.default_rng(seed)
        )
        assert pictures.shape == (8, *SIZE)
        for picture, boxes in zip(pictures, targets, strict=True):
            for corners, kind in zip(boxes.corners, boxes.classes.tolist(), strict=True):
                side = (corners[2:] - corners[:2]).min()
                if side > 8:  # smaller ones are hardly more than their edges
                    assert iou(corners[None], extent(picture, kind))[0, 0] > 1 - 4 / side, (seed, kind)
                    seen += 1
    assert seen > 8


def test_a_turned_box_surrounds_its_object():
    data = rectangles(4)
    change = Moves(data, Augment(rotate=20), 0.0, 0.0)
    pictures, targets = change(
        data.read(range(4))[0], data.targets(np.arange(4), np.ones(4, bool)), np.random.default_rng(3)
    )
    for picture, boxes in zip(pictures, targets, strict=True):
        x0, y0, x1, y1 = extent(picture, int(boxes.classes[0]))[0]
        a, b, c, d = boxes.corners[0]
        assert a <= x0 + 1
        assert b <= y0 + 1
        assert c >= x1 - 1
        assert d >= y1 - 1


def test_moves_depend_on_nothing_but_the_random_numbers():
    data = rectangles(6)
    change = Moves(data, Augment.parse("flip,shift,brightness"), 0.4, 0.5)
    made = [
        change(data.read(range(6))[0], data.targets(np.arange(6), np.ones(6, bool)), np.random.default_rng(7))
        for _ in range(2)
    ]
    assert np.array_equal(made[0][0], made[1][0])
    for one, other in zip(made[0][1], made[1][1], strict=True):
        assert np.array_equal(one.corners, other.corners)


def test_a_picture_that_cannot_be_read_stays_without_boxes():
    data = rectangles(3)
    known = np.array([True, False, True])
    for mosaic in (0.0, 1.0):
        _, targets = Moves(data, Augment(), 0.0, mosaic)(
            data.read(range(3))[0], data.targets(np.arange(3), known), np.random.default_rng(1)
        )
        assert [boxes is None for boxes in targets] == [False, True, False]


def test_a_subset_has_the_boxes_of_its_pictures():
    data = rectangles(5)
    part = data.subset([3, 1])
    assert [boxes.classes.tolist() for boxes in part.boxes] == [[3], [1]]
    assert np.array_equal(part.read([0])[0], data.read([3])[0])
    assert part.class_of(0) == ""
    again = part.subset(slice(1, None))
    assert [boxes.classes.tolist() for boxes in again.boxes] == [[1]]

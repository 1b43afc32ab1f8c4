"""Tiles cover a picture, and what they find together is what is there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fovea.detection.detections import Detections
from fovea.detection.tiling import merge, tiles

sides = st.integers(1, 400)


@given(sides, sides, st.integers(8, 200), st.integers(8, 200), st.sampled_from([0.0, 0.25, 0.5]))
def test_tiles_cover_the_picture_and_overlap(height, width, h, w, shared):
    places = tiles(height, width, (h, w), shared)
    assert (places[:, :2] >= 0).all()
    assert (places[:, 2:] <= [width, height]).all()
    assert ((places[:, 2:] - places[:, :2]) == [min(w, width), min(h, height)]).all()
    covered = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in places:
        covered[y0:y1, x0:x1] = True
    assert covered.all()
    for low, side in ((0, min(w, width)), (1, min(h, height))):
        starts = np.unique(places[:, low])
        assert (starts[:-1] + side - starts[1:] >= shared * side - 1).all()


def test_a_picture_as_large_as_a_tile_is_one():
    assert tiles(100, 200, (100, 200)).tolist() == [[0, 0, 200, 100]]
    assert tiles(100, 200, (320, 320)).tolist() == [[0, 0, 200, 100]]


def seen(corners, classes, scores, place):
    """The detections of a perfect detector in a tile: of every object of which it sees a tenth."""
    x0, y0, x1, y1 = place
    inside = corners.clip([x0, y0, x0, y0], [x1, y1, x1, y1])
    visible = (inside[:, 2:] - inside[:, :2]).prod(axis=1) > 0.1 * (corners[:, 2:] - corners[:, :2]).prod(
        axis=1
    )
    return Detections(inside[visible] - [x0, y0, x0, y0], scores[visible], classes[visible])


@given(st.integers(0, 1000))
def test_objects_smaller_than_the_overlap_are_found_once(seed):
    rng = np.random.default_rng(seed)
    height, width, n = 300, 500, 30
    low = rng.integers(0, [width // 40, height // 40], (n, 2)) * 40.0
    low = np.unique(low, axis=0)
    corners = np.concatenate([low, low + rng.integers(8, 34, low.shape)], axis=1).clip(
        0, [width, height, width, height]
    )
    classes, scores = rng.integers(0, 2, len(low)), rng.random(len(low))
    places = tiles(height, width, (160, 160), 0.3)
    parts = [seen(corners, classes, scores, place) for place in places]
    found = merge(parts, places, height, width)
    expected = Detections(corners, scores, classes)
    assert np.array_equal(found.corners, expected.corners)
    assert np.array_equal(found.classes, expected.classes)


def test_a_large_object_is_found_in_the_whole_picture():
    corners, one = np.array([[20.0, 20, 280, 180]]), np.ones(1)
    places = np.concatenate([tiles(200, 300, (120, 120)), [[0, 0, 300, 200]]])
    parts = [seen(corners, one.astype(int), one, place) for place in places]
    assert sum(map(len, parts)) > 4
    assert merge(parts, places, 200, 300).corners.tolist() == corners.tolist()


def test_a_cut_object_that_no_tile_sees_whole_is_kept():
    places = np.array([[0, 0, 100, 100], [80, 0, 180, 100]])
    parts = [Detections([[90, 40, 100, 60]], [0.9], [0]), Detections.none()]
    assert merge(parts, places, 100, 180).corners.tolist() == [[90, 40, 100, 60]]
    assert len(merge([Detections.none()] * 2, places, 100, 180)) == 0

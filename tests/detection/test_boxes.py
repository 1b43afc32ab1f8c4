"""Boxes and their overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.detection.boxes import Boxes, area, clipped, iou
from fovea.errors import ShapeError

coordinates = st.integers(-20, 60)
boxes = st.lists(st.tuples(coordinates, coordinates, st.integers(1, 30), st.integers(1, 30)), max_size=6).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
)


@given(boxes, boxes)
def test_iou_is_the_share_of_pixels_that_both_cover(a, b):
    def pixels(box):
        x0, y0, x1, y1 = map(int, box)
        return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}

    found = iou(a, b)
    assert found.shape == (len(a), len(b))
    for i, one in enumerate(map(pixels, a)):
        for j, other in enumerate(map(pixels, b)):
            assert found[i, j] == pytest.approx(len(one & other) / len(one | other), abs=1e-6)


@given(boxes)
def test_a_clipped_box_is_inside_the_picture(a):
    cut = clipped(a, 30, 40)
    assert cut.dtype == np.float32
    assert ((cut >= 0) & (cut <= [40, 30, 40, 30])).all()
    inside = ((a >= 0) & (a <= [40, 30, 40, 30])).all(axis=1)
    assert np.array_equal(cut[inside], a[inside])


def test_boxes_without_area_overlap_nothing():
    nothing = np.array([[3, 3, 3, 9], [5, 5, 2, 2]], np.float32)
    assert area(nothing).tolist() == [0, 0]
    assert not iou(nothing, nothing).any()


def test_boxes_are_chosen_with_all_that_belongs_to_them():
    some = Boxes([[0, 0, 4, 2], [1, 1, 2, 5]], [3, 0], crowd=[True, False])
    assert len(Boxes.none()) == 0
    assert some.sides.tolist() == [[4, 2], [1, 4]]
    (one,) = some[some.crowd].corners.tolist()
    assert one == [0, 0, 4, 2]
    assert some[:1].classes.tolist() == [3]
    assert not some.difficult.any()


def test_arrays_of_other_lengths_are_named():
    with pytest.raises(ShapeError, match=r"boxes: classes: expected one for each of 1 boxes, got \(2,\)"):
        Boxes([[0, 0, 1, 1]], [0, 1])

"""Non-maximum suppression, against its definition written as loops."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.detection.boxes import iou
from fovea.detection.detections import Detections
from fovea.detection.suppression import best, suppress
from fovea.errors import ShapeError

side, place = st.integers(1, 12), st.integers(0, 20)
rows = st.lists(st.tuples(place, place, side, side, st.integers(0, 4), st.integers(0, 2)), max_size=25)


def detections(rows):
    rows = np.array(rows, np.float32).reshape(-1, 6)
    corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
    return Detections(corners, rows[:, 4] / 4, rows[:, 5])


def kept_by_definition(found, overlap):
    kept = []
    for i in range(len(found)):
        rivals = [j for j in kept if found.classes[i] == found.classes[j]]
        pairs = [iou(found.corners[i : i + 1], found.corners[j : j + 1])[0, 0] for j in rivals]
        if not any(pair > overlap for pair in pairs):
            kept.append(i)
    return kept


@given(rows, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.integers(1, 20))
def test_it_is_the_definition(rows, overlap, most):
    found = detections(rows)
    kept = suppress(found, overlap, most)
    expected = found[kept_by_definition(found, overlap)[:most]]
    assert np.array_equal(kept.corners, expected.corners)
    assert np.array_equal(kept.scores, expected.scores)
    assert np.array_equal(kept.classes, expected.classes)


@given(rows)
def test_detections_are_by_decreasing_score_and_equal_scores_keep_their_order(rows):
    found = detections(rows)
    order = sorted(range(len(rows)), key=lambda i: -rows[i][4])
    assert np.array_equal(found.corners[:, :2], np.array(rows, np.float32).reshape(-1, 6)[order, :2])


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=12),
    st.integers(1, 40),
)
def test_the_best_pairs_are_the_first_of_all_pairs_in_order(scores, most):
    scores = np.array(scores, np.float32) / 8
    corners = np.arange(len(scores) * 4, dtype=np.float32).reshape(-1, 4)
    pairs = [(-scores[i, c], i, c) for i, c in np.ndindex(scores.shape) if scores[i, c] > 0.1]
    expected = sorted(pairs)[:most]
    found = best(corners, scores, least=0.1, most=most)
    assert found.scores.tolist() == [-score for score, _, _ in expected]
    assert found.corners.tolist() == corners[[i for _, i, _ in expected]].tolist()
    assert found.classes.tolist() == [c for _, _, c in expected]


def test_a_box_equal_to_the_threshold_remains():
    two = Detections([[0, 0, 10, 10], [0, 0, 10, 5]], [0.9, 0.8], [0, 0])
    assert len(suppress(two, 0.5)) == 2
    assert len(suppress(two, 0.49)) == 1


def test_detections_of_parts_are_joined_moved_and_chosen():
    one = Detections([[0, 0, 1, 1]], [0.5], [2])
    both = Detections.joined([one, one.moved(10, 20), Detections.none()])
    assert both.corners.tolist() == [[0, 0, 1, 1], [10, 20, 11, 21]]
    assert len(both.above(0.5)) == 2
    assert len(both.above(0.51)) == 0
    assert len(Detections.joined([])) == 0
    with pytest.raises(ShapeError, match=r"detections: scores: expected one for each of 1 boxes, got \(2,\)"):
        Detections([[0, 0, 1, 1]], [1, 2], [0])


@pytest.mark.alone
def test_300_boxes_take_less_than_five_milliseconds():
    rng = np.random.default_rng(0)
    centres = rng.random((300, 2)) * 300
    sides = rng.random((300, 2)) * 60 + 10
    found = Detections(np.concatenate([centres, centres + sides], axis=1), rng.random(300), np.zeros(300))
    times = []
    for _ in range(20):
        start = time.process_time()
        suppress(found)
        times.append(time.process_time() - start)
    assert min(times) < 0.005

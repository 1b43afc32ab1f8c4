"""Mistakes by kind, and the confusion matrix."""

import numpy as np
import pytest

from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.matching import match
from fovea.detection.metrics import at_threshold
from fovea.detection.mistakes import COLUMNS, confusion, mistakes, rows
from tests.detecting import random_pictures

A, B = 0, 1
HERE, SHIFTED, ELSEWHERE = [0, 0, 10, 10], [0, 5, 10, 15], [50, 50, 60, 60]


def made(true, found, threshold=0.5):
    """The mistakes in one picture and the matrix, for [(corners, class, …)] and [(corners, class, score)]."""
    truth = [Boxes([row[0] for row in true], [row[1] for row in true])]
    corners, classes, scores = ([row[i] for row in found] for i in range(3))
    detections = [Detections(corners, scores, classes)]
    matches = match(truth, detections, 2)
    listed = mistakes(truth, detections, matches, threshold)
    return listed, confusion(matches, listed, threshold).tolist()


def test_a_right_detection_is_no_mistake():
    assert made([(HERE, A)], [(HERE, A, 0.9)]) == ([], [[1, 0, 0], [0, 0, 0], [0, 0, 0]])


def test_a_missed_object_has_the_score_below_the_threshold():
    (mistake,), matrix = made([(HERE, B)], [(HERE, B, 0.25)])
    assert (mistake.kind, mistake.true, mistake.predicted, mistake.score) == ("missed", B, None, 0.25)
    assert mistake.place == tuple(HERE)
    assert matrix == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_an_invented_one_is_on_nothing():
    (mistake,), matrix = made([(HERE, A)], [(HERE, A, 0.9), (ELSEWHERE, B, 0.75)])
    assert (mistake.kind, mistake.true, mistake.predicted, mistake.score) == ("invented", None, B, 0.75)
    assert matrix == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_a_confused_one_is_on_an_object_of_another_class():
    (mistake,), matrix = made([(HERE, A)], [(HERE, B, 0.9)])
    assert (mistake.kind, mistake.true, mistake.predicted, mistake.iou) == ("confused", A, B, 1)
    assert matrix == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_a_misplaced_one_is_near_an_object_that_is_not_missed_too():
    (mistake,), matrix = made([(HERE, A)], [(SHIFTED, A, 0.9)])
    assert (mistake.kind, mistake.true, mistake.predicted) == ("misplaced", A, A)
    assert mistake.iou == pytest.approx(1 / 3)
    assert (mistake.box, mistake.object) == (tuple(SHIFTED), tuple(HERE))
    assert matrix == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("number", [A, B])
def test_a_duplicate_is_on_an_object_that_is_found(number):
    (mistake,), matrix = made([(HERE, A)], [(HERE, A, 0.9), (HERE, number, 0.8)])
    assert (mistake.kind, mistake.true, mistake.predicted) == ("duplicate", A, number)
    assert matrix[-1][number] == 1


def test_the_worst_are_first():
    listed, _ = made(
        [(HERE, A), (ELSEWHERE, A), ([100, 0, 150, 50], A)],
        [(HERE, A, 0.25), ([200, 0, 210, 10], A, 0.6), ([300, 0, 310, 10], A, 0.9)],
    )
    assert [(m.kind, m.score) for m in listed] == [
        ("missed", 0), ("missed", 0), ("missed", 0.25),
        ("invented", pytest.approx(0.9)), ("invented", pytest.approx(0.6)),
    ]  # fmt: skip
    assert listed[0].place == (100, 0, 150, 50)  # the larger


def test_what_is_ignored_is_no_mistake():
    truth = [Boxes([HERE, ELSEWHERE], [A, A], difficult=[True, False], crowd=[False, True])]
    found = [Detections([HERE, ELSEWHERE, ELSEWHERE], [0.9, 0.8, 0.7], [A, A, A])]
    matches = match(truth, found, 1)
    assert mistakes(truth, found, matches, 0.5) == []
    assert not confusion(matches, [], 0.5).any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0, 0.5, 0.9])
def test_the_matrix_counts_every_object_and_every_detection_once(seed, threshold):
    truth, found = random_pictures(np.random.default_rng(seed), 8, 10, 15, 3)
    matches = match(truth, found, 3)
    listed = mistakes(truth, found, matches, threshold)
    matrix = confusion(matches, listed, threshold)
    shown = (matches.scores >= threshold) & ~matches.ignored[0, 0]
    assert matrix.min() >= 0
    assert matrix[:-1].sum(axis=1).tolist() == matches.boxes[0].tolist()
    assert matrix[:, :-1].sum(axis=0).tolist() == np.bincount(matches.classes[shown], minlength=3).tolist()
    numbers = at_threshold(matches, threshold, "abc")
    assert np.trace(matrix) / matrix[:, :-1].sum() == pytest.approx(numbers["precision"])
    assert np.trace(matrix) / matrix[:-1].sum() == pytest.approx(numbers["recall"])
    kinds = [mistake.kind for mistake in listed]
    assert len(kinds) - kinds.count("missed") == shown.sum() - np.trace(matrix)


def test_a_table_of_mistakes():
    listed, _ = made([(HERE, A)], [(ELSEWHERE, B, 0.75)])
    table = rows(listed, ["a.jpg"], ["cat", "dog"])
    assert len(COLUMNS) == len(table[0])
    assert table[0] == ("a.jpg", "missed", "cat", "", "0.0000", "0.0000", "0.0", "0.0", "10.0", "10.0")
    assert table[1][:6] == ("a.jpg", "invented", "", "dog", "0.7500", "0.0000")

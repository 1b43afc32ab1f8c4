"""Precision, recall and F1 by threshold; the threshold of the best F1."""

import numpy as np
import pytest

from fovea.detection.boxes import Boxes
from fovea.detection.detections import Detections
from fovea.detection.matching import match
from fovea.detection.metrics import at_threshold, best_threshold, curve
from tests.detecting import random_pictures


@pytest.fixture(scope="module", params=[0, 1, 2])
def matches(request):
    truth, found = random_pictures(np.random.default_rng(request.param), 6, 8, 15, 3)
    return match(truth, found, 3)


def counts(matches, threshold, number=None):
    """Right and wrong detections and boxes, by counting."""
    shown = matches.scores >= threshold
    if number is not None:
        shown &= matches.classes == number
    right, counted = matches.truth[0, 0] >= 0, ~matches.ignored[0, 0]
    boxes = matches.boxes[0] if number is None else matches.boxes[0, [number]]
    return (shown & right & counted).sum(), (shown & ~right & counted).sum(), boxes.sum()


@pytest.mark.parametrize("number", [None, 0, 1, 2])
def test_a_curve_has_the_numbers_of_every_score(matches, number):
    found = curve(matches, number)
    assert (np.diff(found.scores) < 0).all()
    for score, precision, recall, f1 in zip(*found, strict=True):
        right, wrong, boxes = counts(matches, score, number)
        assert precision == pytest.approx(right / (right + wrong))
        assert recall == pytest.approx(right / boxes)
        assert f1 == pytest.approx(2 * right / (right + wrong + boxes))


def test_no_other_threshold_has_a_better_f1(matches):
    best = best_threshold(matches)
    assert best not in matches.scores
    chosen = at_threshold(matches, best, "abc")
    assert chosen["F1"] == pytest.approx(curve(matches).f1.max())
    for threshold in np.linspace(0, 1, 41):
        assert (at_threshold(matches, threshold, "abc")["F1"] or 0) <= chosen["F1"] + 1e-12


def test_at_a_threshold_classes_have_their_own_numbers(matches):
    found = at_threshold(matches, 0.4, "abc")
    assert found["threshold"] == 0.4
    for number, numbers in [(None, found), *enumerate(found["per_class"].values())]:
        right, wrong, boxes = counts(matches, 0.4, number)
        assert numbers["precision"] == pytest.approx(right / (right + wrong))
        assert numbers["recall"] == pytest.approx(right / boxes)


def test_undefined_numbers_are_none():
    nothing = match([Boxes.none()], [Detections.none()], 1)
    assert best_threshold(nothing) == 0.5
    assert at_threshold(nothing, 0.5, "a")["per_class"]["a"] == {
        "precision": None,
        "recall": None,
        "F1": None,
    }
    invented = match([Boxes.none()], [Detections([[0, 0, 9, 9]], [0.9], [0])], 1)
    assert best_threshold(invented) == 0.5
    assert at_threshold(invented, 0.5, "a")["per_class"]["a"] == {"precision": 0, "recall": None, "F1": None}
    missed = match([Boxes([[0, 0, 9, 9]], [0])], [Detections.none()], 1)
    assert at_threshold(missed, 0.5, "a")["per_class"]["a"] == {"precision": None, "recall": 0, "F1": 0}


def test_the_threshold_of_neighbouring_scores_separates_them():
    high = np.float32(0.5)
    low = np.nextafter(high, np.float32(0))
    found = Detections([[0, 0, 9, 9], [50, 0, 59, 9]], [high, low], [0, 0])
    assert best_threshold(match([Boxes([[0, 0, 9, 9]], [0])], [found], 1)) == high
    assert len(found.above(high)) == 1

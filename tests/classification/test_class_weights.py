"""Weights of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.classification import class_weights
from fovea.errors import TrainingError
from tests.cases import drawn

CLASSES = ["bird", "cat", "dog=big"]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
@drawn
def test_balanced_classes_weigh_the_same_together_and_a_picture_one_on_average(labels):
    labels = np.array(labels)
    w = np.array(class_weights.weights("balanced", labels, [*"abcdef"]))
    together = np.bincount(labels, minlength=6) * w
    assert together[together > 0] == pytest.approx(len(labels) / np.count_nonzero(together))
    assert w[labels].mean() == pytest.approx(1)


def test_nothing_is_known_of_a_class_without_pictures():
    assert class_weights.weights("balanced", np.array([0, 0, -1]), CLASSES) == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("asked", [None, "none"])
def test_by_default_all_are_alike(asked):
    assert class_weights.weights(asked, np.array([0, 0, 1]), CLASSES) is None


@pytest.mark.parametrize("asked", ["cat=2, dog=big=0.5", {"cat": 2, "dog=big": 0.5}, [1, 2, 0.5]])
def test_weights_are_given_by_name_or_in_order(asked):
    assert class_weights.weights(asked, np.array([0]), CLASSES) == [1.0, 2.0, 0.5]


@pytest.mark.parametrize("asked", [None, "balanced", {"cat": 2.0}, [1.0, 2.0, 0.5]])
def test_settings_are_parsed_again(asked):
    setting = class_weights.to_setting(asked)
    assert class_weights.to_setting(class_weights.parse(setting)) == setting


FORMS = 'class weights: expected none, balanced, or weights by name such as "cat=2,dog=0.5", got '


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("even", FORMS + "'even'"),
        ("cat=two", "class weights: cat: expected a number of at least 0, got 'two'"),
        ("=2", FORMS + "'=2'"),
        ("", FORMS + "''"),
        ("cow=2", "class weights: expected some of bird, cat, dog=big, got 'cow'"),
        ("cat=-1", "class weights: cat: expected a number of at least 0, got -1.0"),
        ("cat=inf", "class weights: cat: expected a number of at least 0, got inf"),
        ({"cat": float("nan")}, "class weights: cat: expected a number of at least 0, got nan"),
        ("cat=1,cat=2", "class weights: expected each name once, got 'cat' twice"),
        ([1, -2, 1], "class weights: class 1: expected a number of at least 0, got -2"),
        ([1, 2], "class weights: expected one for each of 3 classes, got 2"),
        ([0, 0, 0], "class weights: expected one above 0, got 0 for all"),
    ],
    ids=str,
)
def test_other_weights_are_refused(asked, message):
    with pytest.raises(TrainingError) as error:
        class_weights.weights(asked, np.array([0]), CLASSES)
    assert str(error.value) == message

import numpy as np
import pytest

from fovea.classification import metrics
from fovea.reference.loss import softmax_cross_entropy

LOGITS = np.array([[3, 1, 2], [0, 0, 0], [1, 5, 4], [2, 1, 9]], np.float32)
LABELS = np.array([0, 1, 2, 2])


def test_ranks_count_the_classes_that_come_first():
    assert metrics.ranks(LOGITS, LABELS).tolist() == [0, 1, 1, 0]


def test_top_k_grows_to_one():
    assert [metrics.top(LOGITS, LABELS, k) for k in (1, 2, 3, 5)] == [0.5, 1.0, 1.0, 1.0]


def test_top_1_is_what_argmax_says_even_at_ties():
    rng = np.random.default_rng(0)
    logits = rng.integers(0, 3, (500, 4)).astype(np.float32)
    labels = rng.integers(0, 4, 500)
    assert metrics.top(logits, labels, 1) == (logits.argmax(axis=1) == labels).mean()


def test_an_example_without_a_label_counts_nowhere():
    labels = np.array([0, -1, 2, -1])
    assert metrics.top(LOGITS, labels, 1) == metrics.top(LOGITS[[0, 2]], labels[[0, 2]], 1)
    assert metrics.confusion(LOGITS.argmax(axis=1), labels, 3).sum() == 2
    measured = metrics.classification(LOGITS, labels, ["a", "b", "c"])
    assert measured["n"] == 2
    assert measured["loss"] == pytest.approx(metrics.losses(LOGITS, labels)[[0, 2]].mean())


def test_the_loss_is_the_trainings():
    assert metrics.losses(LOGITS, LABELS).mean() == pytest.approx(softmax_cross_entropy(LOGITS, LABELS))


def test_the_loss_of_large_logits_is_finite():
    assert metrics.losses(np.array([[1e30, -1e30]], np.float32), np.array([1])) == pytest.approx(2e30)


def test_a_logit_that_is_no_number_is_wrong():
    logits = np.array([[np.nan, 1.0], [1.0, 0.0]], np.float32)
    assert metrics.top(logits, np.array([1, 0]), 1) == 0.5
    assert metrics.top(logits, np.array([1, 0]), 2) == 0.5


def test_confusion_counts_true_rows_and_predicted_columns():
    matrix = metrics.confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 0]), 3)
    assert matrix.tolist() == [[1, 1, 1], [0, 1, 0], [0, 0, 0]]


def test_accuracy_within_each_class_averages_to_top_1():
    measured = metrics.classification(LOGITS, LABELS, ["a", "b", "c"])
    assert measured["per_class"] == {"a": 1.0, "b": 0.0, "c": 0.5}
    assert measured["top1"] == 0.5


def test_what_is_unknown_is_none():
    measured = metrics.classification(LOGITS[:1], LABELS[:1], ["a", "b", "c"])
    assert measured["per_class"] == {"a": 1.0, "b": None, "c": None}
    nothing = metrics.classification(LOGITS[:0], LABELS[:0], ["a", "b", "c"])
    assert (nothing["top1"], nothing["loss"], nothing["n"]) == (None, None, 0)

"""Losses with their gradients."""

import numpy as np
import pytest

from fovea import engine, losses
from fovea.errors import ShapeError

Z = np.array([[2.0, 1, 0], [0, 0, 3], [1, 1, 0], [0, 5, 0]], np.float32)


def test_an_example_is_right_where_the_first_of_its_largest_logits_is():
    assert losses.count_correct(Z, np.array([0, 2, 1, -1])) == 2
    assert losses.count_correct(Z, np.array([1, 1, 0, 1])) == 2


def test_of_shares_the_largest_is_right_and_of_equal_ones_each():
    shares = np.array([[0.6, 0.4, 0], [0.5, 0, 0.5], [0, 1, 0], [0, 0, 0]], np.float32)
    assert losses.count_correct(Z, shares) == 2
    assert losses.count_correct(Z, shares[[0, 1, 1, 3]]) == 3


def test_examples_without_label_or_share_do_not_count():
    assert losses.CrossEntropy().counted(np.array([0, 2, -1])) == 2
    assert losses.CrossEntropy().counted(np.array([[1.0, 0], [0, 0]])) == 1


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_loss_of_a_training_is_that_of_the_function(kind):
    labels, weights = np.array([0, 2, 1, -1]), np.array([1, 2, 0.5], np.float32)
    with engine.use("reference"):
        loss, dZ = losses.CrossEntropy(0.1, weights)(Z.astype(kind), labels)
        more = {"smoothing": 0.1, "weights": weights.astype(kind)}
        expected, gradient = losses.softmax_cross_entropy(Z.astype(kind), labels, **more)
    assert loss == expected
    assert dZ.dtype == kind
    assert np.array_equal(dZ, gradient)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0,), "loss: smoothing: expected a number from 0 to below 1, got 1.0"),
        ((-0.1,), "loss: smoothing: expected a number from 0 to below 1, got -0.1"),
        ((float("nan"),), "loss: smoothing: expected a number from 0 to below 1, got nan"),
        ((0, [1, -1]), "loss: weights: expected finite numbers of at least 0, got -1.0 at 1"),
        ((0, [0, 0]), "loss: weights: expected one above 0, got 0 for all classes"),
        ((0, [[1.0]]), "loss: weights: expected one for each class, got (1, 1)"),
    ],
    ids=str,
)
def test_a_loss_without_sense_is_refused(arguments, message):
    with pytest.raises(ShapeError) as error:
        losses.CrossEntropy(*arguments)
    assert str(error.value) == message

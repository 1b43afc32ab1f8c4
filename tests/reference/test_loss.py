"""The reference's loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.reference import softmax_cross_entropy, softmax_cross_entropy_backward
from tests import loops
from tests.cases import assert_close, drawn


def logits_and_labels(N, classes, ignored=0.0, dtype=np.float64):
    rng = np.random.default_rng([N, classes])
    labels = rng.integers(0, classes, N)
    labels[rng.random(N) < ignored] = -1
    return 3 * rng.standard_normal((N, classes)).astype(dtype), labels.astype(np.int32)


@given(st.integers(1, 9), st.integers(1, 12), st.sampled_from((0.0, 0.3, 0.9)))
@drawn
def test_it_is_what_the_loops_compute(N, classes, ignored):
    Z, labels = logits_and_labels(N, classes, ignored)
    loss, dZ = loops.softmax_cross_entropy(Z, labels)
    assert softmax_cross_entropy(Z, labels) == pytest.approx(loss, rel=1e-13, abs=1e-14)
    assert_close(softmax_cross_entropy_backward(Z, labels) + 1, dZ + 1, 1e-14)


def test_knowing_nothing_costs_the_logarithm_of_the_classes():
    loss = softmax_cross_entropy(np.zeros((4, 10)), np.arange(4))
    assert loss == pytest.approx(np.log(10))
    assert type(loss) is float


def test_certainty_costs_nothing_and_certain_error_the_difference():
    Z = np.array([[1000.0, 0.0]])
    assert softmax_cross_entropy(Z, np.array([0])) == 0
    assert softmax_cross_entropy(Z, np.array([1])) == 1000


def test_an_ignored_example_is_as_if_it_were_not_there():
    Z, labels = logits_and_labels(6, 4)
    labels[[1, 4]] = -1
    kept = labels >= 0
    assert softmax_cross_entropy(Z, labels) == softmax_cross_entropy(Z[kept], labels[kept])
    dZ = softmax_cross_entropy_backward(Z, labels)
    assert np.array_equal(dZ[kept], softmax_cross_entropy_backward(Z[kept], labels[kept]))
    assert not dZ[~kept].any()


def test_not_even_a_nan_in_an_ignored_example_counts():
    Z, labels = np.array([[np.nan, 0.0], [1.0, 1.0]]), np.array([-1, 0])
    assert softmax_cross_entropy(Z, labels) == pytest.approx(np.log(2))
    assert np.array_equal(softmax_cross_entropy_backward(Z, labels), [[0, 0], [-0.5, 0.5]])


def test_all_ignored_is_no_loss():
    Z, labels = np.ones((3, 2)), np.full(3, -1)
    assert softmax_cross_entropy(Z, labels) == 0.0
    assert not softmax_cross_entropy_backward(Z, labels).any()


def test_a_nan_among_the_logits_is_a_nan_for_the_loss():
    assert np.isnan(softmax_cross_entropy(np.array([[np.nan, 0.0]]), np.array([1])))


def test_the_gradient_keeps_float32_and_each_row_sums_to_zero():
    Z, labels = logits_and_labels(8, 10, dtype=np.float32)
    dZ = softmax_cross_entropy_backward(Z, labels)
    assert dZ.dtype == np.float32
    np.testing.assert_allclose(dZ.sum(axis=1), 0, atol=1e-7)

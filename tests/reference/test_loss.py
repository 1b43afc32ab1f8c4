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


WEIGHTS = np.array([1.0, 0.0, 3.0, 0.5])


@pytest.mark.parametrize(
    "more", [{}, {"smoothing": 0.2}, {"weights": WEIGHTS}, {"smoothing": 0.2, "weights": WEIGHTS}]
)
def test_a_label_is_a_row_with_the_whole_share_for_its_class(more):
    Z, labels = logits_and_labels(9, 4, ignored=0.3)
    T = np.where(labels[:, None] < 0, 0.0, np.eye(4)[labels])
    assert softmax_cross_entropy(Z, T, **more) == softmax_cross_entropy(Z, labels, **more)
    expected = softmax_cross_entropy_backward(Z, labels, **more)
    assert np.array_equal(softmax_cross_entropy_backward(Z, T, **more), expected)


@given(st.floats(0, 1), st.sampled_from((0.0, 0.1)))
@drawn
def test_a_mixture_of_two_labels_costs_the_mixture_of_what_they_cost(share, smoothing):
    """The loss of mixed pictures."""
    Z, (a, b) = logits_and_labels(6, 4)[0], np.random.default_rng(0).integers(0, 4, (2, 6))
    mixed = share * np.eye(4)[a] + (1 - share) * np.eye(4)[b]
    apart = [softmax_cross_entropy(Z, labels, smoothing=smoothing) for labels in (a, b)]
    expected = share * apart[0] + (1 - share) * apart[1]
    assert softmax_cross_entropy(Z, mixed, smoothing=smoothing) == pytest.approx(expected, rel=1e-12)


def test_a_class_that_weighs_twice_counts_as_two_examples():
    Z, labels = logits_and_labels(5, 3)
    double = np.repeat(np.arange(5), np.where(labels == 1, 2, 1))
    weights = np.array([1.0, 2.0, 1.0])
    got = softmax_cross_entropy(Z, labels, weights=weights)
    assert got == pytest.approx(softmax_cross_entropy(Z[double], labels[double]))


def test_a_class_that_weighs_nothing_is_not_learned():
    Z, labels = logits_and_labels(4, 3)
    labels[:] = 2
    assert softmax_cross_entropy(Z, labels, weights=np.array([1.0, 1.0, 0.0])) == 0.0
    assert not softmax_cross_entropy_backward(Z, labels, weights=np.array([1.0, 1.0, 0.0])).any()


def test_smoothing_is_least_where_the_odds_are_what_it_asks_for():
    """With ε = 0.3 and three classes: shares 0.8, 0.1, 0.1."""
    Z, labels = np.log([[0.8, 0.1, 0.1]]), np.array([0])
    np.testing.assert_allclose(softmax_cross_entropy_backward(Z, labels, smoothing=0.3), 0, atol=1e-15)
    certain = np.array([[1000.0, 0, 0]])
    assert softmax_cross_entropy(certain, labels, smoothing=0.3) == pytest.approx(200)


def test_a_logit_of_minus_infinity_costs_nothing_where_nobody_asks_for_its_class():
    Z = np.array([[0.0, -np.inf, 0.0]])
    assert softmax_cross_entropy(Z, np.array([[0.5, 0.0, 0.5]])) == pytest.approx(np.log(2))
    assert softmax_cross_entropy(Z, np.array([0]), smoothing=0.1) == np.inf


@given(st.integers(1, 5), st.integers(2, 6), st.sampled_from((0.0, 0.2)), st.booleans())
@drawn
def test_the_gradient_is_the_losss_slope(N, classes, smoothing, weighted):
    rng = np.random.default_rng([N, classes])
    Z, T = rng.standard_normal((N, classes)), rng.dirichlet(np.ones(classes), N)
    more = {"smoothing": smoothing, "weights": rng.random(classes) + 0.1 if weighted else None}
    direction, h = rng.standard_normal(Z.shape), 1e-5
    rise = softmax_cross_entropy(Z + h * direction, T, **more) - softmax_cross_entropy(
        Z - h * direction, T, **more
    )
    slope = np.vdot(softmax_cross_entropy_backward(Z, T, **more), direction)
    assert slope == pytest.approx(rise / (2 * h), rel=1e-6, abs=1e-9)

"""The reference's activations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fovea import reference
from fovea.reference import relu, relu_backward, sigmoid, silu, softmax, tanh
from tests.cases import drawn

numbers = st.floats(-1e4, 1e4)


@given(arrays(np.float64, array_shapes(max_dims=4), elements=numbers))
@drawn
def test_relu_keeps_what_is_positive(Z):
    A = relu(Z)
    assert (A >= 0).all()
    assert np.array_equal(A - relu(-Z), Z)
    assert np.array_equal(relu_backward(np.full_like(Z, 3.0), Z), 3.0 * (Z > 0))


def test_relu_at_zero_passes_no_gradient():
    assert np.array_equal(relu_backward(np.ones(2), np.array([0.0, -0.0])), [0, 0])


def test_relu_hides_no_nan():
    Z = np.array([np.nan, -1.0, 2.0])
    assert np.array_equal(relu(Z), [np.nan, 0, 2], equal_nan=True)
    assert np.array_equal(relu_backward(np.full(3, np.nan), Z), [np.nan, 0, np.nan], equal_nan=True)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=numbers))
@drawn
def test_softmax_gives_probabilities_that_ignore_a_common_shift(Z):
    A = softmax(Z)
    assert (A >= 0).all()
    np.testing.assert_allclose(A.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(Z + 7), A, atol=1e-11)


def test_softmax_of_known_odds():
    np.testing.assert_allclose(softmax(np.log([[1.0, 2, 5]])), [[0.125, 0.25, 0.625]], rtol=1e-15)


def test_softmax_overflows_for_no_logits():
    assert np.array_equal(softmax(np.array([[3e38, 0, -3e38]], np.float32)), [[1, 0, 0]])
    assert np.array_equal(softmax(np.array([[0, -np.inf]])), [[1, 0]])


def test_softmax_of_what_is_no_number_is_none():
    A = softmax(np.array([[np.nan, 0], [np.inf, 0], [-np.inf, -np.inf], [0, 0]]))
    assert np.isnan(A[:3]).all()
    assert np.array_equal(A[3], [0.5, 0.5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_type_of_the_arguments(dtype):
    Z = np.ones((2, 3), dtype)
    assert relu(Z).dtype == relu_backward(Z, Z).dtype == softmax(Z).dtype == dtype


@given(arrays(np.float64, array_shapes(max_dims=4), elements=st.floats(-30, 30)))
@drawn
def test_the_sigmoid_of_the_opposite_is_the_rest_to_one(Z):
    np.testing.assert_allclose(sigmoid(Z) + sigmoid(-Z), 1, rtol=1e-15)
    np.testing.assert_allclose(2 * sigmoid(2 * Z) - 1, tanh(Z), atol=1e-15)
    np.testing.assert_allclose(silu(Z) - silu(-Z), Z, atol=1e-13)


def test_nothing_overflows():
    Z = np.array([-3e38, -1000, -90, 90, 1000, 3e38], np.float32)
    assert np.array_equal(sigmoid(Z)[[0, 1, 4, 5]], [0, 0, 1, 1])
    assert np.array_equal(tanh(Z), np.sign(Z))
    assert np.array_equal(silu(Z)[[0, 1, 4, 5]], [0, 0, 1000, np.float32(3e38)])
    assert np.array_equal(reference.silu_backward(np.ones(6, np.float32), Z)[[0, 1, 4, 5]], [0, 0, 1, 1])


@pytest.mark.parametrize("name", ["leaky_relu", "clip", "sigmoid", "tanh", "silu"])
def test_no_activation_hides_a_nan(name):
    assert np.array_equal(np.isnan(getattr(reference, name)(np.array([np.nan, 1.0]))), [True, False])
    back = getattr(reference, f"{name}_backward")
    assert np.array_equal(np.isnan(back(np.array([np.nan, 1.0]), np.array([0.5, 0.5]))), [True, False])
    passed = back(np.ones(1), np.array([np.nan]))
    assert passed[0] == 1 if name in ("leaky_relu", "clip") else np.isnan(passed[0])

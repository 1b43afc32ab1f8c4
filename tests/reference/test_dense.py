"""The reference's fully connected layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.reference import dense, dense_backward
from tests import loops
from tests.cases import assert_close, drawn


def arrays(N, n_in, n_out, dtype=np.float64):
    """A_prev, W, b, dZ."""
    rng = np.random.default_rng([N, n_in, n_out])
    shapes = (N, n_in), (n_in, n_out), (n_out,), (N, n_out)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@given(st.integers(1, 5), st.integers(1, 20), st.integers(1, 20))
@drawn
def test_it_is_what_the_loops_compute(N, n_in, n_out):
    A_prev, W, b, dZ = arrays(N, n_in, n_out)
    assert_close(dense(A_prev, W, b), loops.dense(A_prev, W, b), 1e-13)
    expected = loops.dense_backward(dZ, A_prev, W)
    for got, gradient in zip(dense_backward(dZ, A_prev, W), expected, strict=True):
        assert_close(got, gradient, 1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_type_of_the_arguments(dtype):
    A_prev, W, b, dZ = arrays(3, 4, 5, dtype)
    assert dense(A_prev, W, b).dtype == dtype
    assert {gradient.dtype for gradient in dense_backward(dZ, A_prev, W)} == {np.dtype(dtype)}


def test_without_bias_zero_goes_to_zero():
    _, W, _, _ = arrays(3, 4, 5)
    assert not dense(np.zeros((3, 4)), W, None).any()

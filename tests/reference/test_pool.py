"""The reference's pooling: facts, and agreement with the bare loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea.reference import average_pool2d, average_pool2d_backward, max_pool2d, max_pool2d_backward
from tests import loops
from tests.cases import assert_close, cases, drawn


@given(cases(pooling=True, largest=5), st.booleans())
@drawn
def test_the_maximum_is_what_the_loops_compute(case, ties):
    A_prev, _, _, _, dA = case.arrays(np.float64, ties)
    moves, bare = {"stride": case.stride, "padding": case.padding}, (case.size, case.stride, case.window.pads)
    assert np.array_equal(max_pool2d(A_prev, case.size, **moves), loops.max_pool2d(A_prev, *bare))
    got = max_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_close(got, loops.max_pool2d_backward(dA, A_prev, *bare), 1e-13)


@given(cases(pooling=True, largest=5), st.booleans())
@drawn
def test_the_average_is_what_the_loops_compute(case, counted):
    A_prev, _, _, _, dA = case.arrays(np.float64)
    moves = {"stride": case.stride, "padding": case.padding, "count_include_pad": counted}
    bare = (case.size, case.stride, case.window.pads, counted)
    assert_close(average_pool2d(A_prev, case.size, **moves), loops.average_pool2d(A_prev, *bare), 1e-13)
    got = average_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_close(got, loops.average_pool2d_backward(dA, A_prev, *bare), 1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_type_of_the_arguments(dtype):
    A_prev, dA = np.ones((2, 4, 4, 3), dtype), np.ones((2, 2, 2, 3), dtype)
    assert max_pool2d(A_prev, 2).dtype == average_pool2d(A_prev, 2, padding=1).dtype == dtype
    assert max_pool2d_backward(dA, A_prev, 2).dtype == average_pool2d_backward(dA, A_prev, 2).dtype == dtype


def test_the_stride_is_the_window_unless_given():
    A_prev = np.arange(16.0).reshape(1, 4, 4, 1)
    assert np.array_equal(max_pool2d(A_prev, 2)[0, :, :, 0], [[5, 7], [13, 15]])
    assert np.array_equal(max_pool2d(A_prev, 2, stride=1)[0, 0, :, 0], [5, 6, 7])
    assert np.array_equal(average_pool2d(A_prev, 2)[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])


def test_a_tie_sends_its_gradient_to_the_first_of_the_equals():
    dA_prev = max_pool2d_backward(np.full((1, 1, 1, 1), 7.0), np.ones((1, 2, 2, 1)), 2)
    assert np.array_equal(dA_prev[0, :, :, 0], [[7, 0], [0, 0]])


def test_a_window_of_minus_infinity_keeps_its_gradient_in_the_picture():
    A_prev = np.full((1, 3, 3, 1), -np.inf)
    dA_prev = max_pool2d_backward(np.ones((1, 2, 2, 1)), A_prev, 2, padding=1)
    assert dA_prev.sum() == 4


def test_a_nan_is_the_maximum_of_its_windows_and_takes_their_gradient():
    A_prev = np.arange(16.0).reshape(1, 4, 4, 1)
    A_prev[0, 0, 1, 0] = np.nan
    A = max_pool2d(A_prev, 2)
    assert np.array_equal(np.isnan(A[0, :, :, 0]), [[True, False], [False, False]])
    assert max_pool2d_backward(np.ones_like(A), A_prev, 2)[0, 0, 1, 0] == 1


def test_padding_is_never_a_maximum_nor_part_of_an_average():
    A_prev = np.full((1, 3, 3, 1), -5.0)
    assert (max_pool2d(A_prev, 3, stride=1, padding="same") == -5).all()
    assert (average_pool2d(A_prev, 3, stride=1, padding="same") == -5).all()


def test_padding_counts_in_the_average_when_asked():
    A = average_pool2d(np.ones((1, 3, 3, 1)), 3, stride=1, padding="same", count_include_pad=True)
    assert np.array_equal(A[0, :, :, 0] * 9, [[4, 6, 4], [6, 9, 6], [4, 6, 4]])


@given(cases(pooling=True), st.booleans())
@drawn
def test_average_pooling_is_linear_and_its_backward_pass_the_adjoint(case, counted):
    A_prev, _, _, _, dA = case.arrays(np.float64)
    moves = {"stride": case.stride, "padding": case.padding, "count_include_pad": counted}
    forward = (average_pool2d(A_prev, case.size, **moves) * dA).sum()
    backward = (average_pool2d_backward(dA, A_prev, case.size, **moves) * A_prev).sum()
    assert abs(forward - backward) <= 1e-11 * (1 + np.abs(dA).sum() * np.abs(A_prev).max())


@given(cases(pooling=True))
@drawn
def test_max_pooling_hands_down_all_of_the_gradient(case):
    A_prev, _, _, _, dA = case.arrays(np.float64)
    dA_prev = max_pool2d_backward(dA, A_prev, case.size, stride=case.stride, padding=case.padding)
    assert abs(dA_prev.sum() - dA.sum()) <= 1e-11 * (1 + np.abs(dA).sum())

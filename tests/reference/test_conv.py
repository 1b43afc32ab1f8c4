"""The reference's convolution: facts, and agreement with the bare loops."""

import numpy as np
import pytest
from hypothesis import given

from fovea.reference import conv2d, conv2d_backward
from tests import loops
from tests.cases import FORWARD, GRADIENT, assert_close, cases, drawn


@given(cases(largest=5))
@drawn
def test_it_is_what_the_loops_compute(case):
    A_prev, W, b, dZ, _ = case.arrays(np.float64)
    moves = {"stride": case.stride, "padding": case.padding}
    assert_close(
        conv2d(A_prev, W, b, **moves), loops.conv2d(A_prev, W, b, case.stride, case.window.pads), 1e-13
    )
    expected = loops.conv2d_backward(dZ, A_prev, W, case.stride, case.window.pads)
    for got, gradient in zip(conv2d_backward(dZ, A_prev, W, **moves), expected, strict=True):
        assert_close(got, gradient, 1e-13)


@given(cases())
@drawn
def test_the_backward_pass_is_the_adjoint_of_the_forward_pass(case):
    A_prev, W, b, dZ, _ = case.arrays(np.float64)
    moves = {"stride": case.stride, "padding": case.padding}
    dA_prev, dW, db = conv2d_backward(dZ, A_prev, W, **moves)
    linear = (conv2d(A_prev, W, None, **moves) * dZ).sum()
    scale = np.abs(A_prev).sum() * np.abs(W).max() * np.abs(dZ).max()
    assert abs((A_prev * dA_prev).sum() - linear) <= 1e-12 * scale * W.size
    assert abs((W * dW).sum() - linear) <= 1e-12 * scale * W.size
    affine = (conv2d(A_prev, W, b, **moves) * dZ).sum()
    assert abs((b * db).sum() - (affine - linear)) <= 1e-11 * (1 + np.abs(dZ).sum() * np.abs(b).max())


@given(cases())
@drawn
def test_float32_stays_float32_and_within_its_accuracy(case):
    arrays, exact = case.arrays(np.float32)[:4], case.arrays(np.float64)[:4]
    moves = {"stride": case.stride, "padding": case.padding}
    Z = conv2d(*arrays[:3], **moves)
    assert Z.dtype == np.float32
    assert_close(Z, conv2d(*exact[:3], **moves), FORWARD)
    gradients = conv2d_backward(arrays[3], *arrays[:2], **moves)
    for got, expected in zip(gradients, conv2d_backward(exact[3], *exact[:2], **moves), strict=True):
        assert got.dtype == np.float32
        assert_close(got, expected, GRADIENT)


def test_a_filter_is_not_flipped():
    """A single white pixel shows the filter turned by 180 degrees: cross-correlation."""
    picture = np.zeros((1, 5, 5, 1))
    picture[0, 2, 2, 0] = 1
    W = np.arange(9.0).reshape(3, 3, 1, 1)
    assert np.array_equal(conv2d(picture, W, None)[0, :, :, 0], W[::-1, ::-1, 0, 0])


def test_a_vertical_edge_detector_answers_at_the_edge_and_nowhere_else():
    picture = np.zeros((1, 6, 6, 1))
    picture[:, :, :3] = 10
    W = np.array([[1.0, 0, -1]] * 3).reshape(3, 3, 1, 1)
    assert np.array_equal(conv2d(picture, W, None)[0, :, :, 0], [[0, 30, 30, 0]] * 4)


def test_every_filter_sees_every_channel_and_makes_one():
    A_prev = np.ones((2, 6, 6, 3)) * [1, 10, 100]
    W = np.zeros((3, 3, 3, 2))
    W[..., 0] = 1
    W[:, :, 2, 1] = 1
    Z = conv2d(A_prev, W, np.array([0.5, 0]))
    assert Z.shape == (2, 4, 4, 2)
    assert (Z == [9 * 111 + 0.5, 900]).all()


def test_the_corner_pixel_counts_in_one_window_without_padding():
    ones = np.ones((1, 6, 6, 1))
    uses, _, _ = conv2d_backward(np.ones((1, 4, 4, 1)), ones, np.ones((3, 3, 1, 1)))
    assert uses[0, 0, 0, 0] == 1
    assert uses[0, 2, 2, 0] == 9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_empty_batch_gives_an_empty_batch_and_no_gradient(dtype):
    A_prev, W = np.zeros((0, 6, 6, 3), dtype), np.ones((3, 3, 3, 2), dtype)
    assert conv2d(A_prev, W, None).shape == (0, 4, 4, 2)
    dA_prev, dW, db = conv2d_backward(np.zeros((0, 4, 4, 2), dtype), A_prev, W)
    assert dA_prev.shape == A_prev.shape
    assert not dW.any()
    assert not db.any()

"""Either engine computes what the bare loops compute."""

import numpy as np
import pytest

import fovea
from fovea import functional as F
from tests import loops
from tests.cases import ENGINES, FORWARD, GRADIENT, Case, assert_close

CASES = [
    Case(2, 8, 7, 3, 6, (3, 3), (1, 1), "valid"),
    Case(1, 7, 8, 1, 3, (5, 5), (1, 1), 2),
    Case(1, 9, 8, 6, 17, (3, 2), (2, 1), "same"),
    Case(3, 6, 9, 17, 1, (2, 4), (1, 3), (0, 1, 3, 0)),
    Case(1, 5, 5, 3, 3, (1, 1), (2, 2), "valid"),
    Case(1, 11, 12, 1, 1, (11, 3), (1, 1), (2, 0, 0, 1)),
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with fovea.engine(request.param):
        yield


@cases
def test_convolution(case):
    A_prev, W, b, dZ, _ = case.arrays()
    moves, bare = {"stride": case.stride, "padding": case.padding}, (case.stride, case.window.pads)
    assert_close(F.conv2d(A_prev, W, b, **moves), loops.conv2d(A_prev, W, b, *bare), FORWARD)
    assert_close(F.conv2d(A_prev, W, None, **moves), loops.conv2d(A_prev, W, 0 * b, *bare), FORWARD)
    expected = loops.conv2d_backward(dZ, A_prev, W, *bare)
    for got, gradient in zip(F.conv2d_backward(dZ, A_prev, W, **moves), expected, strict=True):
        assert_close(got, gradient, GRADIENT)


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@cases
def test_max_pooling(case, ties):
    A_prev, _, _, _, dA = case.arrays(ties=ties)
    moves, bare = {"stride": case.stride, "padding": case.padding}, (case.size, case.stride, case.window.pads)
    assert np.array_equal(F.max_pool2d(A_prev, case.size, **moves), loops.max_pool2d(A_prev, *bare))
    got = F.max_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_close(got, loops.max_pool2d_backward(dA, A_prev, *bare), GRADIENT)


@pytest.mark.parametrize("counted", [False, True], ids=["pixels", "padding-too"])
@cases
def test_average_pooling(case, counted):
    A_prev, _, _, _, dA = case.arrays()
    moves = {"stride": case.stride, "padding": case.padding, "count_include_pad": counted}
    bare = (case.size, case.stride, case.window.pads, counted)
    assert_close(F.average_pool2d(A_prev, case.size, **moves), loops.average_pool2d(A_prev, *bare), FORWARD)
    got = F.average_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_close(got, loops.average_pool2d_backward(dA, A_prev, *bare), GRADIENT)


@pytest.mark.parametrize(("N", "n_in", "n_out"), [(1, 1, 1), (3, 17, 10), (20, 5, 33)])
def test_dense(N, n_in, n_out):
    rng = np.random.default_rng(4)
    shapes = (N, n_in), (n_in, n_out), (n_out,), (N, n_out)
    A_prev, W, b, dZ = (rng.standard_normal(shape, np.float32) for shape in shapes)
    assert_close(F.dense(A_prev, W, b), loops.dense(A_prev, W, b), FORWARD)
    assert_close(F.dense(A_prev, W, None), loops.dense(A_prev, W, 0 * b), FORWARD)
    expected = loops.dense_backward(dZ, A_prev, W)
    for got, gradient in zip(F.dense_backward(dZ, A_prev, W), expected, strict=True):
        assert_close(got, gradient, GRADIENT)


@pytest.mark.parametrize(("N", "classes"), [(1, 2), (7, 10), (40, 3)])
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.int8])
def test_loss(N, classes, kind):
    rng = np.random.default_rng(5)
    Z, labels = 3 * rng.standard_normal((N, classes), np.float32), rng.integers(-1, classes, N, kind)
    loss, dZ = loops.softmax_cross_entropy(Z, labels)
    got = F.softmax_cross_entropy(Z, labels)
    assert type(got) is float
    assert got == pytest.approx(loss, rel=FORWARD)
    assert_close(F.softmax_cross_entropy_backward(Z, labels), dZ, GRADIENT)

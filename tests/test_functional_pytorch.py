"""Halide's kernels against PyTorch in float64: every operation and gradient, over the shapes of cases.py."""

import numpy as np
import pytest

import fovea
from fovea import functional as F
from tests.cases import CONVOLUTIONS, FORWARD, GRADIENT, POOLS, assert_close, halide

pytest.importorskip("torch")
from tests import peers

pytestmark = halide


@pytest.fixture(autouse=True)
def _engine():
    with fovea.engine("halide"):
        yield


def assert_all_close(forward, gradients, expected):
    assert_close(forward, expected[0], FORWARD)
    for got, gradient in zip(gradients, expected[1:], strict=True):
        assert_close(got, gradient, GRADIENT)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution(case):
    A_prev, W, b, dZ, _ = case.arrays()
    moves = {"stride": case.stride, "padding": case.padding}
    expected = peers.conv2d(*case.arrays(np.float64)[:4], case.stride, case.window.pads)
    assert_all_close(F.conv2d(A_prev, W, b, **moves), F.conv2d_backward(dZ, A_prev, W, **moves), expected)


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_max_pooling(case):
    A_prev, _, _, _, dA = case.arrays(ties=True)
    moves = {"stride": case.stride, "padding": case.padding}
    exact = np.float64(A_prev), np.float64(dA)
    expected = peers.max_pool2d(*exact, case.size, case.stride, case.window.pads)
    dA_prev = F.max_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_all_close(F.max_pool2d(A_prev, case.size, **moves), [dA_prev], expected)


@pytest.mark.parametrize("counted", [False, True], ids=["pixels", "padding-too"])
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_average_pooling(case, counted):
    A_prev, _, _, _, dA = case.arrays()
    moves = {"stride": case.stride, "padding": case.padding, "count_include_pad": counted}
    exact = np.float64(A_prev), np.float64(dA)
    expected = peers.average_pool2d(*exact, case.size, case.stride, case.window.pads, counted)
    dA_prev = F.average_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_all_close(F.average_pool2d(A_prev, case.size, **moves), [dA_prev], expected)


@pytest.mark.parametrize("N", [1, 2, 15, 64])
@pytest.mark.parametrize(
    ("n_in", "n_out"), [(1, 1), (3, 17), (400, 120), (120, 84), (84, 10), (17, 1), (1960, 10), (2100, 300)]
)
def test_dense(N, n_in, n_out):
    rng = np.random.default_rng([n_in, n_out, N])
    shapes = (N, n_in), (n_in, n_out), (n_out,), (N, n_out)
    A_prev, W, b, dZ = (rng.standard_normal(shape, np.float32) for shape in shapes)
    expected = peers.dense(*map(np.float64, (A_prev, W, b, dZ)))
    assert_all_close(F.dense(A_prev, W, b), F.dense_backward(dZ, A_prev, W), expected)


@pytest.mark.parametrize(("N", "classes"), [(1, 2), (3, 10), (64, 10), (65, 17), (16, 1000)])
def test_activations_and_loss(N, classes):
    rng = np.random.default_rng([N, classes])
    Z, dA = 4 * rng.standard_normal((2, N, classes), np.float32)
    labels = rng.integers(0, classes, N)
    labels[1::3] = -1
    assert_all_close(F.relu(Z), [F.relu_backward(dA, Z)], peers.relu(np.float64(Z), np.float64(dA)))
    assert_close(F.softmax(Z), peers.softmax(np.float64(Z)), FORWARD)
    expected = peers.softmax_cross_entropy(np.float64(Z), labels)
    dZ = F.softmax_cross_entropy_backward(Z, labels)
    assert_all_close(F.softmax_cross_entropy(Z, labels), [dZ], expected)


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_optimizers(kind, weight_decay):
    w, *gradients = np.random.default_rng(3).standard_normal((6, 61), np.float32)
    options = {"momentum": 0.9} if kind == "SGD" else {"betas": (0.9, 0.99), "eps": 1e-7}
    doubles = [g.astype(np.float64) for g in gradients]
    expected = peers.optimise(
        kind, w.astype(np.float64), doubles, lr=0.1, weight_decay=weight_decay, **options
    )
    m, v = np.zeros((2, 61), np.float32)
    common = {"rate": 0.1, "weight_decay": weight_decay}
    for step, dw in enumerate(gradients, start=1):
        if kind == "SGD":
            F.sgd(w, dw, m, momentum=0.9, **common)
        else:
            F.adam(w, dw, m, v, beta1=0.9, beta2=0.99, epsilon=1e-7, step=step, **common)
    assert_close(w, expected, FORWARD)

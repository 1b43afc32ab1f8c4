"""Halide's kernels against the reference in float64, over chosen shapes and some drawn once and for all."""

import numpy as np
import pytest

import fovea
from fovea import functional as F
from fovea import reference
from tests.cases import (
    CONVOLUTIONS,
    FORWARD,
    GRADIENT,
    POOLS,
    TRANSPOSED,
    VARIED,
    VARIED_POOLS,
    assert_close,
    halide,
)

pytestmark = halide


@pytest.fixture(autouse=True)
def _engine():
    with fovea.engine("halide"):
        yield


@pytest.mark.parametrize("case", [*CONVOLUTIONS, *VARIED], ids=str)
def test_convolution(case):
    A_prev, W, b, dZ, _ = case.arrays()
    exact, moves = case.arrays(np.float64), case.moves
    assert_close(F.conv2d(A_prev, W, b, **moves), reference.conv2d(*exact[:3], **moves), FORWARD)
    expected = reference.conv2d_backward(exact[3], *exact[:2], **moves)
    for got, gradient in zip(F.conv2d_backward(dZ, A_prev, W, **moves), expected, strict=True):
        assert_close(got, gradient, GRADIENT)


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_convolution(case):
    A_prev, W, b, dZ = case.transposed_arrays()
    exact = case.transposed_arrays(np.float64)
    expected = reference.conv2d_transpose(*exact[:3], **case.onto)
    assert_close(F.conv2d_transpose(A_prev, W, b, **case.onto), expected, FORWARD)
    expected = reference.conv2d_transpose_backward(exact[3], *exact[:2], **case.onto)
    for got, gradient in zip(F.conv2d_transpose_backward(dZ, A_prev, W, **case.onto), expected, strict=True):
        assert_close(got, gradient, GRADIENT)


# The kernels are those of a convolution's dA_prev: one of each kind, and one with pixels that get nothing.
@pytest.mark.parametrize("case", [TRANSPOSED[i] for i in (0, 3, 6, 7, -1)], ids=str)
def test_transposed_convolution_without_bias(case):
    A_prev, W, _, _ = case.transposed_arrays()
    expected = reference.conv2d_transpose(*map(np.float64, (A_prev, W)), None, **case.onto)
    assert_close(F.conv2d_transpose(A_prev, W, None, **case.onto), expected, FORWARD)


@pytest.mark.parametrize("case", [*POOLS, *VARIED_POOLS], ids=str)
def test_pooling(case):
    moves = case.pooling
    for ties in (False, True):
        A_prev, _, _, _, dA = case.arrays(ties=ties)
        places = F.max_pool2d_indices(A_prev, case.size, **moves)
        assert np.array_equal(places, reference.max_pool2d_indices(A_prev, case.size, **moves))
        assert np.array_equal(
            F.max_pool2d(A_prev, case.size, **moves), reference.max_pool2d(A_prev, case.size, **moves)
        )
        expected = reference.max_pool2d_backward(*map(np.float64, (dA, A_prev)), case.size, **moves)
        assert_close(F.max_pool2d_backward(dA, A_prev, case.size, **moves), expected, GRADIENT)
    for counted in (False, True):
        moves["count_include_pad"] = counted
        expected = reference.average_pool2d(np.float64(A_prev), case.size, **moves)
        assert_close(F.average_pool2d(A_prev, case.size, **moves), expected, FORWARD)
        expected = reference.average_pool2d_backward(*map(np.float64, (dA, A_prev)), case.size, **moves)
        assert_close(F.average_pool2d_backward(dA, A_prev, case.size, **moves), expected, GRADIENT)


@pytest.mark.parametrize("N", [1, 2, 15, 64])
@pytest.mark.parametrize(
    ("n_in", "n_out"), [(1, 1), (3, 17), (400, 120), (120, 84), (84, 10), (17, 1), (1960, 10), (2100, 300)]
)
def test_dense(N, n_in, n_out):
    rng = np.random.default_rng([N, n_in, n_out])
    shapes = (N, n_in), (n_in, n_out), (n_out,), (N, n_out)
    A_prev, W, b, dZ = (rng.standard_normal(shape, np.float32) for shape in shapes)
    exact = [a.astype(np.float64) for a in (A_prev, W, b, dZ)]
    assert_close(F.dense(A_prev, W, b), reference.dense(*exact[:3]), FORWARD)
    expected = reference.dense_backward(exact[3], *exact[:2])
    gradients = F.dense_backward(dZ, A_prev, W)
    for got, gradient in zip(gradients, expected, strict=True):
        assert_close(got, gradient, GRADIENT)
    forward, backward = F.operations("dense").dense_of(A_prev)
    assert np.array_equal(forward(W, b), F.dense(A_prev, W, b))
    for got, gradient in zip(backward(dZ), gradients[1:], strict=True):
        assert np.array_equal(got, gradient)


@pytest.mark.parametrize("N", [1, 2, 16, 65])
@pytest.mark.parametrize("classes", [1, 2, 3, 10, 17, 100, 1000])
def test_softmax_and_loss(N, classes):
    rng = np.random.default_rng([N, classes])
    Z, labels = 5 * rng.standard_normal((N, classes), np.float32), rng.integers(-1, classes, N)
    exact = Z.astype(np.float64)
    assert_close(F.softmax(Z), reference.softmax(exact), FORWARD)
    assert_close(F.log_softmax(Z), reference.log_softmax(exact), FORWARD)
    loss = reference.softmax_cross_entropy(exact, labels)
    assert F.softmax_cross_entropy(Z, labels) == pytest.approx(loss, rel=FORWARD, abs=1e-7)
    expected = reference.softmax_cross_entropy_backward(exact, labels)
    got = F.softmax_cross_entropy_backward(Z, labels)
    assert_close(got + 1, expected + 1, 1e-6)  # where all are ignored or certain, there is no largest number
    assert not got[labels < 0].any()


@pytest.mark.parametrize("N", [1, 16, 65])
@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_with_smoothing_weights_and_shares(N, classes, smoothing, weighted):
    rng = np.random.default_rng([N, classes])
    Z, labels = 5 * rng.standard_normal((N, classes), np.float32), rng.integers(0, classes, N)
    labels[1::3] = -1
    shares = rng.dirichlet(np.full(classes, 0.1), N).astype(np.float32)
    shares[2::3] = 0
    weights = rng.random(classes, np.float32) + np.float32(0.1) if weighted else None
    for wanted in (labels, shares):
        exact = [np.float64(Z), wanted if wanted is labels else np.float64(wanted)]
        more = {"smoothing": smoothing, "weights": None if weights is None else np.float64(weights)}
        loss, dZ = (
            reference.softmax_cross_entropy(*exact, **more),
            reference.softmax_cross_entropy_backward(*exact, **more),
        )
        more["weights"] = weights
        assert F.softmax_cross_entropy(Z, wanted, **more) == pytest.approx(loss, rel=FORWARD)
        got = F.softmax_cross_entropy_backward(Z, wanted, **more)
        assert_close(got, dZ, GRADIENT)
        assert not got[~wanted.any(axis=1) if wanted is shares else wanted < 0].any()


@pytest.mark.parametrize(
    "Z", [[3e38, 0, -3e38], [-1e30, -1e30, -2e30], [88.9, 89, 90], [0, -np.inf, 0]], ids=str
)
def test_softmax_and_loss_overflow_for_no_logits(Z):
    Z, labels = np.array([Z], np.float32), np.array([0])
    assert_close(F.softmax(Z), reference.softmax(np.float64(Z)), FORWARD)
    np.testing.assert_allclose(F.log_softmax(Z), reference.log_softmax(Z), rtol=1e-6)
    assert F.softmax_cross_entropy(Z, labels) == pytest.approx(
        reference.softmax_cross_entropy(np.float64(Z), labels), rel=FORWARD, abs=1e-7
    )


@pytest.mark.parametrize("n", [0, 1, 7, 16, 33, 1000, 61706])
def test_relu_and_optimizers(n):
    rng = np.random.default_rng(n)
    # The arrays begin three numbers after where memory begins, not where vectors do.
    w, dw, m = (rng.standard_normal(n + 3, np.float32)[3:] for _ in range(3))
    v = rng.random(n + 3, np.float32)[3:]
    assert np.array_equal(F.relu(w), reference.relu(w))
    assert np.array_equal(F.relu_backward(dw, w), reference.relu_backward(dw, w))
    exact, ours = [a.astype(np.float64) for a in (w, m, v)], (w, m, v)
    options = {"rate": 0.01, "weight_decay": 0.05}
    adam = options | {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "step": 3}
    for run, state, g in ((F, ours, dw), (reference, exact, dw.astype(np.float64))):
        run.sgd(state[0], g, state[1], momentum=0.9, **options)
        run.sgd(state[0], g, state[1], momentum=0.9, nesterov=True, **options)
        run.adam(state[0], g, state[1], state[2], **adam)
    for got, expected in zip(ours, exact, strict=True):
        assert_close(got, expected, FORWARD)


# name: (its numbers, whether its backward pass is computed from what came out)
ACTIVATIONS = {
    "relu": ((), True), "leaky_relu": ((0.3,), True), "clip": ((-1.5, 2.5), True),
    "sigmoid": ((), True), "tanh": ((), True), "silu": ((), False),
    "elu": ((0.7, 1.3, 0.9), False), "hard_sigmoid": ((), True), "hard_swish": ((), False),
    "thresholded_relu": ((0.301,), False), "gelu": ((), False), "gelu_tanh": ((), False), "mish": ((), False),
    "softplus": ((-1.0, 20.0), False), "softsign": ((), False), "tanhshrink": ((), False),
}  # fmt: skip
FAR = np.concatenate([10.0 ** np.arange(-30, 39), [87.3, 88.7, 89, 103, 104, 0.625]]).astype(np.float32)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(
    "Z", [np.linspace(-20, 20, 4001, dtype=np.float32), FAR, -FAR], ids=["near", "far", "-far"]
)
def test_activations_are_exact_to_a_few_bits_of_each_number(name, Z):
    numbers, from_output = ACTIVATIONS[name]
    forward, backward = getattr(reference, name), getattr(reference, f"{name}_backward")
    A = forward(np.float64(Z), *numbers)
    tail = 1e-9 if name in ("gelu", "gelu_tanh", "tanhshrink", "hard_sigmoid", "hard_swish") else 1e-35
    np.testing.assert_allclose(getattr(F, name)(Z, *numbers), A, rtol=1e-6, atol=tail)
    kept = np.float32(A) if from_output else Z
    dA = np.random.default_rng(1).standard_normal(Z.shape, np.float32)
    expected = backward(np.float64(dA), np.float64(kept), *numbers)
    got = getattr(F, f"{name}_backward")(dA, kept, *numbers)
    assert_close(got, expected, 2e-6)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("factor", [(1, 1), (2, 2), (3, 2), (4, 5)], ids=str)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 4, 3), (3, 7, 6, 33)], ids=str)
def test_upsampling(shape, factor, mode):
    rng = np.random.default_rng(shape)
    N, H, W, C = shape
    A_prev = rng.standard_normal(shape, np.float32)
    dA = rng.standard_normal((N, H * factor[0], W * factor[1], C), np.float32)
    expected = reference.upsample2d(np.float64(A_prev), factor, mode=mode)
    assert_close(F.upsample2d(A_prev, factor, mode=mode), expected, FORWARD)
    expected = reference.upsample2d_backward(np.float64(dA), factor, mode=mode)
    assert_close(F.upsample2d_backward(dA, factor, mode=mode), expected, GRADIENT)


@pytest.mark.parametrize("shape", [(1, 1, 1, 16), (2, 4, 8, 16), (2, 7, 9, 16), (1, 5, 20, 40)], ids=str)
def test_gram_matrices(shape):
    rng = np.random.default_rng(shape)
    A, dG = rng.standard_normal(shape, np.float32), rng.standard_normal((shape[0], shape[3], shape[3]))
    dG = dG.astype(np.float32)
    assert_close(F.gram(A), reference.gram(np.float64(A)), FORWARD)
    assert_close(F.gram_backward(dG, A), reference.gram_backward(np.float64(dG), np.float64(A)), GRADIENT)


@pytest.mark.parametrize("classes", [1, 3, 10, 100])
@pytest.mark.parametrize("N", [1, 16, 50])
def test_softmax_backward(N, classes):
    rng = np.random.default_rng([N, classes])
    A = reference.softmax(3 * rng.standard_normal((N, classes))).astype(np.float32)
    dA = rng.standard_normal((N, classes), np.float32)
    expected = reference.softmax_backward(np.float64(dA), np.float64(A))
    assert np.abs(F.softmax_backward(dA, A) - expected).max() <= 1e-5
    A = reference.log_softmax(3 * rng.standard_normal((N, classes))).astype(np.float32)
    expected = reference.log_softmax_backward(np.float64(dA), np.float64(A))
    assert_close(F.log_softmax_backward(dA, A), expected, 1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 5, 7, 2), (17, 28, 28, 1), (2, 32, 32, 3)], ids=str)
@pytest.mark.parametrize("out_size", [(1, 1), (6, 9), (28, 28)], ids=str)
@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_warp(shape, out_size, mode):
    rng = np.random.default_rng(shape)
    pictures = rng.integers(0, 256, shape, np.uint8)
    exact = (rng.integers(-8, 9, (shape[0], 2, 3)) / 4).astype(np.float32)  # quarters: no rounding on the way
    assert np.array_equal(
        F.warp(pictures, exact, out_size, mode=mode), reference.warp(pictures, exact, out_size, mode=mode)
    )
    anywhere = exact + rng.standard_normal(exact.shape, np.float32)
    difference = F.warp(pictures, anywhere, out_size, mode=mode) - reference.warp(
        pictures, anywhere, out_size, mode=mode
    ).astype(int)
    assert np.abs(difference).max() <= 1
    assert (difference != 0).mean() <= 0.01 + 1 / difference.size


def test_warp_of_places_beyond_all_numbers_is_black():
    pictures = np.full((1, 5, 7, 1), 255, np.uint8)
    out = F.warp(pictures, np.array([[[3e38, 0, 0], [0, 1, 0]]], np.float32), (5, 7))
    assert (out[:, :, 0] == 255).all()
    assert not out[:, :, 1:].any()


ROWS = np.random.default_rng(10).standard_normal((37, 9, 9, 3), np.float32)
FILTERS = np.random.default_rng(11).standard_normal((3, 3, 3, 8), np.float32)


@pytest.mark.parametrize(
    ("compute", "batch"),
    [
        (lambda A_prev: F.conv2d(A_prev, FILTERS, FILTERS[0, 0, 0], padding=1), ROWS),
        (lambda A_prev: F.conv2d(A_prev, FILTERS[:, :, :1], None, stride=2), ROWS[..., :1]),
        (lambda A_prev: F.max_pool2d(A_prev, 2), ROWS),
        (lambda A_prev: F.average_pool2d(A_prev, 3, stride=2, padding=1), ROWS),
        (lambda A_prev: F.dense(A_prev, FILTERS.reshape(27, 8), None), ROWS.reshape(37, 243)[:, :27]),
        (F.relu, ROWS),
        (F.softmax, ROWS[:, 0, :, 0]),
    ],
    ids=["conv2d", "conv2d one channel", "max_pool2d", "average_pool2d", "dense", "relu", "softmax"],
)
def test_a_picture_has_the_same_bits_in_any_batch(compute, batch):
    together = compute(batch)
    for n in (0, 15, 16, 36):
        assert np.array_equal(compute(batch[n : n + 1])[0], together[n])
    assert np.array_equal(compute(batch[3:22]), together[3:22])


@pytest.mark.parametrize("shape", [(0, 3, 3, 3), (1, 1, 1, 1), (3, 5, 7, 1), (2, 32, 32, 3)], ids=str)
def test_recolour(shape):
    rng = np.random.default_rng(shape)
    pictures, C = rng.integers(0, 256, shape, np.uint8), shape[3]
    M = (rng.integers(-8, 9, (shape[0], C, C + 1)) / 4).astype(np.float32)  # quarters: no rounding on the way
    M[:, :, C] *= 20
    assert np.array_equal(F.recolour(pictures, M), reference.recolour(pictures, M))

"""Arguments that do not fit: who says so, what was expected, what came, what helps."""

import numpy as np
import pytest

import fovea
from fovea import functional as F
from fovea.errors import EngineError, FoveaError, ShapeError
from tests.cases import ENGINES, halide


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


A, W, B = ones(2, 8, 8, 3), ones(3, 3, 3, 4), ones(4)
Z, LABELS = ones(4, 10), np.arange(4)
ADAM = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.0}
SGD = {"rate": 0.1, "momentum": 0.0, "weight_decay": 0.0}
FROZEN = ones(4)
FROZEN.flags.writeable = False

# the message, the call
REFUSED = [
    # convolution
    ("conv2d: expected A_prev (N, H, W, 3), got (2, 3, 8, 8): channels come last, A_prev.transpose",
     lambda: F.conv2d(ones(2, 3, 8, 8), W, B)),
    ("conv2d: expected A_prev (N, H, W, 3), got (8, 8, 3): one picture is a batch of one, A_prev[np.newaxis]",
     lambda: F.conv2d(A[0], W, B)),
    ("conv2d: expected A_prev (N, H, W, 3), got (8, 8): a grey picture is A_prev[np.newaxis, :",
     lambda: F.conv2d(ones(8, 8), W, B)),
    ("conv2d: expected A_prev (N, H, W, 3), got (2, 8, 8, 5): W is (3, 3, 3, 4), that is (f_H",
     lambda: F.conv2d(ones(2, 8, 8, 5), W, B)),
    ("conv2d: expected W (f_H, f_W, C_in, C_out), got (3, 3): filters have four axes",
     lambda: F.conv2d(A, ones(3, 3), None)),
    ("conv2d: expected W (f_H, f_W, C_in, C_out), got (3, 3, 3, 0): filters have four axes",
     lambda: F.conv2d(A, ones(3, 3, 3, 0), None)),
    ("conv2d: expected b (4,), got (1, 4): one bias for each filter", lambda: F.conv2d(A, W, ones(1, 4))),
    ("conv2d: expected A_prev (N, H, W, 3), got (2, 0, 8, 3)", lambda: F.conv2d(ones(2, 0, 8, 3), W, B)),
    ("conv2d: expected an input of at least 9×3 with its padding, got 8×8: make the window smaller",
     lambda: F.conv2d(A, ones(9, 3, 3, 4), B)),
    ("conv2d: stride: expected one or two whole numbers of at least 1, got 0",
     lambda: F.conv2d(A, W, B, stride=0)),
    ('conv2d: padding: expected "valid", "same", a whole number, or four (top, bottom, left, right)',
     lambda: F.conv2d(A, W, B, padding="full")),
    ("conv2d: expected A_prev as a NumPy array, got list: np.asarray(A_prev, np.float32) makes one",
     lambda: F.conv2d(A.tolist(), W, B)),
    ("conv2d: expected A_prev in float32 or float64, got uint8: convert it with A_prev.astype(np.float32)",
     lambda: F.conv2d(A.astype(np.uint8), W, B)),
    ("conv2d: expected b in float32 as W is, got float64: convert it with .astype(np.float32)",
     lambda: F.conv2d(A, W, B.astype(np.float64))),
    ("conv2d_backward: expected dZ (2, 6, 6, 4), got (2, 8, 8, 4): dZ has the shape of conv2d's output",
     lambda: F.conv2d_backward(ones(2, 8, 8, 4), A, W)),
    # normalisation
    ("batch_statistics: expected A_prev with two numbers per channel, got (1, 1, 1, 3): one number has no",
     lambda: F.batch_statistics(ones(1, 1, 1, 3))),
    ("batch_statistics: expected A_prev (N, H, W, C), got (8, 8, 3): one picture is a batch of one",
     lambda: F.batch_statistics(A[0])),
    ("batch_norm: expected gamma (3,), got (4,): one number for each channel",
     lambda: F.batch_norm(A, ones(3), ones(3), ones(4), ones(3))),
    ("batch_norm: expected epsilon above 0, got 0", lambda: F.batch_norm(A, *[ones(3)] * 4, epsilon=0)),
    ("batch_norm: expected variance in float32 as A_prev is, got float64",
     lambda: F.batch_norm(A, ones(3), ones(3, dtype=np.float64), ones(3), ones(3))),
    ("batch_norm_backward: expected dZ (2, 8, 8, 3), got (2, 8, 3): it must have the shape of A_prev",
     lambda: F.batch_norm_backward(ones(2, 8, 3), A, ones(3), ones(3), ones(3))),
    ("batch_norm_backward: expected A_prev with two numbers per channel, got (1, 3)",
     lambda: F.batch_norm_backward(ones(1, 3), ones(1, 3), ones(3), ones(3), ones(3))),
    ("conv2d: expected A_prev (N, H, W, 6), got (2, 8, 8, 3): W is (3, 3, 3, 4), that is (f_H, f_W, C_in /",
     lambda: F.conv2d(A, W, B, groups=2)),
    ("conv2d: expected groups that divide C_out = 4, got 3: C_out must be a multiple of",
     lambda: F.conv2d(A, W, B, groups=3)),
    ("conv2d: expected groups as a whole number of at least 1, got 0", lambda: F.conv2d(A, W, B, groups=0)),
    ("conv2d: expected groups as a whole number of at least 1, got 1.0",
     lambda: F.conv2d(A, W, B, groups=1.0)),
    ("conv2d: dilation: expected one or two whole numbers of at least 1, got 0",
     lambda: F.conv2d(A, W, B, dilation=0)),
    ("conv2d: expected an input of at least 9×9 with its padding, got 8×8",
     lambda: F.conv2d(A, W, B, dilation=4)),
    # pooling
    ("max_pool2d: expected an input of at least 9×9 with its padding, got 8×8", lambda: F.max_pool2d(A, 9)),
    ("max_pool2d: expected a padding smaller than the window of 2×2, got (2, 2, 2, 2): a window must see",
     lambda: F.max_pool2d(A, 2, padding=2)),
    ("average_pool2d: expected a padding smaller than the window of 2×3, got (0, 0, 0, 3)",
     lambda: F.average_pool2d(A, (2, 3), padding=(0, 0, 0, 3))),
    ("max_pool2d: window size: expected one or two whole numbers of at least 1, got (2, 2, 2)",
     lambda: F.max_pool2d(A, (2, 2, 2))),
    ("max_pool2d: expected A_prev (N, H, W, C), got (8, 8, 3): one picture", lambda: F.max_pool2d(A[0], 2)),
    ("max_pool2d_backward: expected dA (2, 4, 4, 3), got (2, 8, 8, 3): dA has the shape of the pool's output",
     lambda: F.max_pool2d_backward(A, A, 2)),
    ("average_pool2d_backward: expected dA (2, 4, 4, 3), got (2, 4, 4, 1)",
     lambda: F.average_pool2d_backward(ones(2, 4, 4, 1), A, 2)),
    # upsampling
    ("upsample2d: factor: expected one or two whole numbers of at least 1, got 0",
     lambda: F.upsample2d(A, 0)),
    ("upsample2d: mode: expected 'nearest' or 'bilinear', got 'cubic'",
     lambda: F.upsample2d(A, 2, mode="cubic")),
    ("upsample2d: expected A_prev (N, H, W, C), got (8, 8, 3): one picture", lambda: F.upsample2d(A[0], 2)),
    ("upsample2d_backward: expected dA (N, H, W, C) with H and W multiples of 3 and 2, got (2, 8, 8, 3)",
     lambda: F.upsample2d_backward(A, (3, 2))),
    # Gram matrices
    ("gram: expected A (N, H, W, C), got (8, 8, 3): one picture", lambda: F.gram(A[0])),
    ("gram_backward: expected dG (2, 3, 3), got (2, 4, 4): dG has the shape of gram's output",
     lambda: F.gram_backward(ones(2, 4, 4), A)),
    # dense
    ("dense: expected A_prev (N, 192), got (2, 8, 8, 3): flatten it with A_prev.reshape(len(A_prev), -1)",
     lambda: F.dense(A, ones(192, 10), None)),
    ("dense: expected A_prev (N, 5), got (2, 4): W is (5, 3)", lambda: F.dense(ones(2, 4), ones(5, 3), None)),
    ("dense: expected b (3,), got (5,): one bias for each unit",
     lambda: F.dense(ones(2, 5), ones(5, 3), ones(5))),
    ("dense: expected W (n_in, n_out), got (5,): weights are a matrix",
     lambda: F.dense(ones(2, 5), ones(5), None)),
    ("dense_backward: expected dZ (2, 3), got (3, 2): dZ has the shape of dense's output",
     lambda: F.dense_backward(ones(3, 2), ones(2, 5), ones(5, 3))),
    # activations and loss
    ("relu: expected Z in float32 or float64, got int64", lambda: F.relu(np.arange(3))),
    ("relu_backward: expected dA (2, 3), got (3, 2): it must have the shape of Z",
     lambda: F.relu_backward(ones(3, 2), ones(2, 3))),
    ("sigmoid: expected Z in float32 or float64, got int64", lambda: F.sigmoid(np.arange(3))),
    ("silu: expected Z as a NumPy array, got list", lambda: F.silu([1.0])),
    ("tanh_backward: expected dA (2, 3), got (3, 2): it must have the shape of A",
     lambda: F.tanh_backward(ones(3, 2), ones(2, 3))),
    ("leaky_relu: slope: expected a finite number, got nan", lambda: F.leaky_relu(Z, float("nan"))),
    ("leaky_relu_backward: slope: expected a finite number, got 'a'",
     lambda: F.leaky_relu_backward(Z, Z, "a")),
    ("clip: expected low to be less than high, got 2 and 1", lambda: F.clip(Z, 2, 1)),
    ("clip_backward: high: expected a finite number, got inf",
     lambda: F.clip_backward(Z, Z, 2, float("inf"))),
    ("softmax_backward: expected A (N, classes), got (10,)", lambda: F.softmax_backward(Z[0], Z[0])),
    ("softmax_backward: expected dA (4, 10), got (4, 9): it must have the shape of A",
     lambda: F.softmax_backward(ones(4, 9), Z)),
    ("softmax: expected Z (N, classes), got (4, 10, 1): one row of logits",
     lambda: F.softmax(Z[:, :, None])),
    ("softmax_cross_entropy: expected labels as an array of whole numbers, got an array of float32: give",
     lambda: F.softmax_cross_entropy(Z, ones(4))),
    ("softmax_cross_entropy: expected labels as an array of whole numbers, got an array of bool",
     lambda: F.softmax_cross_entropy(Z, np.ones(4, bool))),
    ("softmax_cross_entropy: expected rows of shares of at least 0 with the sum 1, got labels[0] with "
     "the minimum 1 and the sum 10", lambda: F.softmax_cross_entropy(Z, Z)),
    ("softmax_cross_entropy: expected rows of shares of at least 0 with the sum 1, got labels[0] with",
     lambda: F.softmax_cross_entropy(Z[:, :3], np.float32([[2, 0, -1]]).repeat(4, axis=0))),
    ("softmax_cross_entropy: expected rows of shares of at least 0 with the sum 1, got labels[1] with",
     lambda: F.softmax_cross_entropy(Z[:2, :2], np.float32([[0, 1], [0, np.nan]]))),
    ("softmax_cross_entropy: expected labels (4, 10), got (4, 9): a share for each class",
     lambda: F.softmax_cross_entropy(Z, ones(4, 9))),
    ("softmax_cross_entropy: expected labels in float32 as Z is, got float64",
     lambda: F.softmax_cross_entropy(Z, np.eye(10)[:4])),
    ("softmax_cross_entropy: smoothing: expected a number from 0 to below 1, got 1.0",
     lambda: F.softmax_cross_entropy(Z, LABELS, smoothing=1.0)),
    ("softmax_cross_entropy_backward: smoothing: expected a number from 0 to below 1, got nan",
     lambda: F.softmax_cross_entropy_backward(Z, LABELS, smoothing=float("nan"))),
    ("softmax_cross_entropy: expected weights (10,), got (9,): one weight for each class",
     lambda: F.softmax_cross_entropy(Z, LABELS, weights=ones(9))),
    ("softmax_cross_entropy: weights: expected finite numbers of at least 0, got -1.0 at 3",
     lambda: F.softmax_cross_entropy(Z, LABELS, weights=ones(10) - 2 * np.eye(10, dtype=np.float32)[3])),
    ("softmax_cross_entropy: weights: expected one above 0, got 0 for all classes",
     lambda: F.softmax_cross_entropy(Z, LABELS, weights=0 * ones(10))),
    ("softmax_cross_entropy: expected labels as an array of whole numbers, got list",
     lambda: F.softmax_cross_entropy(Z, [0, 1, 2, 3])),
    ("softmax_cross_entropy: expected labels (4,), got (3,): one class number for each row of Z",
     lambda: F.softmax_cross_entropy(Z, LABELS[:3])),
    ("softmax_cross_entropy: expected labels from 0 to 9, or −1 for an example to ignore, got labels[3] = 10",
     lambda: F.softmax_cross_entropy(Z, LABELS + 7)),
    ("softmax_cross_entropy_backward: expected labels from 0 to 9, or −1 for an example to ignore, got",
     lambda: F.softmax_cross_entropy_backward(Z, LABELS - 2)),
    # optimizers
    ("sgd: expected velocity (4,), got (5,): it must have the shape of w",
     lambda: F.sgd(ones(4), ones(4), ones(5), **SGD)),
    ("sgd: expected dw (4,), got (2, 2): it must have the shape of w",
     lambda: F.sgd(ones(4), ones(2, 2), ones(4), **SGD)),
    ("sgd: expected w (n,), got (2, 2): flat arrays",
     lambda: F.sgd(ones(2, 2), ones(2, 2), ones(2, 2), **SGD)),
    ("sgd: expected w to be written in place, got a strided view: give a contiguous array",
     lambda: F.sgd(ones(8)[::2], ones(4), ones(4), **SGD)),
    ("adam: expected m to be written in place, got a read-only array",
     lambda: F.adam(ones(4), ones(4), FROZEN, ones(4), step=1, **ADAM)),
    ("adam: step: expected a whole number of at least 1, got 0",
     lambda: F.adam(ones(4), ones(4), ones(4), ones(4), step=0, **ADAM)),
    ("recolour: expected matrices (2, 3, 4), got (2, 2, 3): one map of colours for each picture",
     lambda: F.recolour(np.zeros((2, 4, 4, 3), np.uint8), ones(2, 2, 3))),
    ("recolour: expected pictures as an array of uint8, got float32", lambda: F.recolour(A, ones(2, 3, 4))),
    ("warp: mode: expected \"constant\" or \"reflect\", got 'mirror'",
     lambda: F.warp(A.astype(np.uint8), ones(2, 2, 3), (8, 8), mode="mirror")),
    # warp
    ("warp: expected pictures as an array of uint8, got float32", lambda: F.warp(A, ones(2, 2, 3), (8, 8))),
    ("warp: expected matrices (2, 2, 3), got (2, 3, 3): one affine map for each picture",
     lambda: F.warp(A.astype(np.uint8), ones(2, 3, 3), (8, 8))),
    ("warp: expected matrices of finite numbers, got NaN or infinity",
     lambda: F.warp(A.astype(np.uint8), ones(2, 2, 3) * np.float32(np.nan), (8, 8))),
    ("warp: out_size: expected one or two whole numbers of at least 1, got (8, 0)",
     lambda: F.warp(A.astype(np.uint8), ones(2, 2, 3), (8, 0))),
]  # fmt: skip


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("message", "call"), REFUSED, ids=[message.split(", got")[0] for message, _ in REFUSED]
)
def test_both_engines_refuse_in_the_same_words(name, message, call):
    with fovea.engine(name), pytest.raises(ShapeError) as error:
        call()
    assert str(error.value).startswith(message)
    assert isinstance(error.value, ValueError)
    assert isinstance(error.value, FoveaError)


DOUBLES = {
    "conv2d": lambda a: F.conv2d(a, ones(3, 3, 3, 4, dtype=np.float64), None),
    "conv2d_backward": lambda a: F.conv2d_backward(a, a, ones(1, 1, 3, 3, dtype=np.float64)),
    "max_pool2d": lambda a: F.max_pool2d(a, 2),
    "max_pool2d_backward": lambda a: F.max_pool2d_backward(a, a, 1),
    "average_pool2d": lambda a: F.average_pool2d(a, 2),
    "average_pool2d_backward": lambda a: F.average_pool2d_backward(a, a, 1),
    "dense": lambda a: F.dense(a[0, 0], ones(3, 2, dtype=np.float64), None),
    "dense_backward": lambda a: F.dense_backward(a[0, 0], a[0, 0], ones(3, 3, dtype=np.float64)),
    "relu": F.relu,
    "relu_backward": lambda a: F.relu_backward(a, a),
    "softmax": lambda a: F.softmax(a[0, 0]),
    "softmax_cross_entropy": lambda a: F.softmax_cross_entropy(a[0, 0], np.zeros(8, int)),
    "softmax_cross_entropy_backward": lambda a: F.softmax_cross_entropy_backward(a[0, 0], np.zeros(8, int)),
    "sgd": lambda a: F.sgd(a.ravel(), a.ravel(), a.ravel(), **SGD),
    "adam": lambda a: F.adam(*[a.ravel()] * 4, step=1, **ADAM),
}


@halide
@pytest.mark.parametrize("name", DOUBLES)
def test_halide_refuses_float64_and_says_what_to_do(name):
    words = f'^{name}: expected .* float32 .*engine "halide", got float64: .*fovea.engine\\("reference"\\)'
    with fovea.engine("halide"), pytest.raises(EngineError, match=words):
        DOUBLES[name](A.astype(np.float64))


@pytest.mark.parametrize("name", DOUBLES)
def test_the_reference_takes_float64(name):
    with fovea.engine("reference"):
        DOUBLES[name](A.astype(np.float64))


@pytest.mark.parametrize("kind", [np.matrix, np.ma.MaskedArray])
@pytest.mark.parametrize("operation", [fovea.functional.relu, fovea.functional.softmax, fovea.filters.sobel])
def test_arrays_that_compute_otherwise_are_refused_by_both_engines(kind, operation):
    array = np.ones((6, 7), np.float32).view(kind)
    for engine in fovea.engine.NAMES if fovea.engine.available() else ["reference"]:
        with (
            fovea.engine(engine),
            pytest.raises(ShapeError, match=f"as a NumPy array, got {type(array).__name__}"),
        ):
            operation(array)

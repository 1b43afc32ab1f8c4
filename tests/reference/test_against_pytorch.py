"""Every operation and gradient of the reference is PyTorch's, in float64, whatever the shape."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fovea
from fovea import engine, functional, layers, reference
from fovea.geometry import Window, pair
from fovea.layers import ConvTranspose2D
from tests.cases import assert_close, cases, drawn, transposed, varied, varied_pools

pytest.importorskip("torch")
from tests import peers

EXACT = 1e-12


def assert_all_close(got, expected, bound=EXACT):
    for ours, theirs in zip(got, expected, strict=True):
        assert_close(ours, theirs, bound)


@given(cases())
@drawn
def test_convolution(case):
    A_prev, W, b, dZ, _ = case.arrays(np.float64)
    moves = {"stride": case.stride, "padding": case.padding}
    ours = reference.conv2d(A_prev, W, b, **moves), *reference.conv2d_backward(dZ, A_prev, W, **moves)
    assert_all_close(ours, peers.conv2d(A_prev, W, b, dZ, case.stride, case.window.pads))


@given(varied())
@drawn
def test_convolution_with_groups_and_dilation(case):
    A_prev, W, b, dZ, _ = case.arrays(np.float64)
    ours = (
        reference.conv2d(A_prev, W, b, **case.moves),
        *reference.conv2d_backward(dZ, A_prev, W, **case.moves),
    )
    theirs = peers.conv2d(A_prev, W, b, dZ, case.stride, case.window.pads, case.dilation, case.groups)
    assert_all_close(ours, theirs)


@given(transposed())
@drawn
def test_transposed_convolution(case):
    A_prev, W, b, dZ = case.transposed_arrays(np.float64)
    ours = reference.conv2d_transpose(A_prev, W, b, **case.onto)
    gradients = reference.conv2d_transpose_backward(dZ, A_prev, W, **case.onto)
    window = Window.onto((case.H, case.W), case.size, case.stride, case.padding, dilation=case.dilation)
    more = [max(s - e, 0) for s, e in zip(case.stride, window.extent, strict=True)]  # of "same"
    more = more if case.padding == "same" else case.more
    how = case.stride, window.pads, more, case.dilation, case.groups
    assert_all_close((ours, *gradients), peers.conv2d_transpose(A_prev, W, b, dZ, *how))


@pytest.mark.parametrize(
    ("size", "stride", "padding", "more", "dilation", "groups"),
    [
        (3, 2, 1, 1, 1, 1),
        (4, 2, 1, 0, 1, 2),
        (3, 1, 2, 0, 2, 1),
        (3, 3, 0, 2, 1, 4),
        (2, (1, 2), (1, 0), (0, 1), 1, 1),
    ],
)
def test_the_transposed_layer_is_pytorchs(size, stride, padding, more, dilation, groups):
    import torch

    rng, twos = np.random.default_rng(0), pair(padding, "test", "padding", 0)
    theirs = torch.nn.ConvTranspose2d(8, 12, size, stride, padding, more, groups, True, dilation).double()
    sides = tuple(p for p in twos for _ in range(2))
    ours = ConvTranspose2D(12, size, stride, sides, more, dilation, groups).build((5, 6, 8), rng, np.float64)
    ours.parameters["W"][...] = theirs.weight.detach().numpy().transpose(2, 3, 1, 0)
    ours.parameters["b"][...] = theirs.bias.detach().numpy()
    A_prev = rng.standard_normal((2, 5, 6, 8))
    with engine("reference"):
        Z, _ = ours.forward(A_prev)
    expected = theirs(torch.from_numpy(A_prev.transpose(0, 3, 1, 2))).detach().numpy()
    assert_close(Z, expected.transpose(0, 2, 3, 1), EXACT)


@given(cases(pooling=True), st.booleans())
@drawn
def test_max_pooling_ties_included(case, ties):
    A_prev, _, _, _, dA = case.arrays(np.float64, ties)
    moves = {"stride": case.stride, "padding": case.padding}
    A = reference.max_pool2d(A_prev, case.size, **moves)
    dA_prev = reference.max_pool2d_backward(dA, A_prev, case.size, **moves)
    assert_all_close((A, dA_prev), peers.max_pool2d(A_prev, dA, case.size, case.stride, case.window.pads))


@given(cases(pooling=True), st.booleans())
@drawn
def test_average_pooling(case, counted):
    A_prev, _, _, _, dA = case.arrays(np.float64)
    moves = {"stride": case.stride, "padding": case.padding, "count_include_pad": counted}
    A = reference.average_pool2d(A_prev, case.size, **moves)
    dA_prev = reference.average_pool2d_backward(dA, A_prev, case.size, **moves)
    theirs = peers.average_pool2d(A_prev, dA, case.size, case.stride, case.window.pads, counted)
    assert_all_close((A, dA_prev), theirs)


def symmetric(case):
    """The padding as PyTorch takes it: at most half the window, one number an axis."""
    half = [f // 2 for f in case.size]
    return [min(p, h) for p, h in zip(case.window.pads[::2], half, strict=True)]


@given(varied_pools(), st.booleans())
@drawn
def test_pooling_with_dilation_and_in_ceil_mode(case, ties):
    A_prev, padding = case.arrays(np.float64, ties)[0], symmetric(case)
    moves = case.pooling | {"padding": [p for p in padding for _ in range(2)]}
    theirs = peers.max_pool2d_by_itself(
        A_prev, case.size, case.stride, padding, case.dilation, case.ceil_mode
    )
    assert np.array_equal(reference.max_pool2d(A_prev, case.size, **moves), theirs[0])
    assert np.array_equal(reference.max_pool2d_indices(A_prev, case.size, **moves), theirs[1])
    moves["dilation"] = 1
    for counted in (False, True):
        theirs = peers.average_pool2d_by_itself(
            A_prev, case.size, case.stride, padding, case.ceil_mode, counted
        )
        ours = reference.average_pool2d(A_prev, case.size, **moves, count_include_pad=counted)
        assert_close(ours, theirs, EXACT)


@given(varied_pools())
@drawn
def test_gradients_of_pools_with_dilation_and_in_ceil_mode(case):
    A_prev, _, _, _, dA = case.arrays(np.float64)
    dA_prev = reference.max_pool2d_backward(dA, A_prev, case.size, **case.pooling)
    places = reference.max_pool2d_indices(A_prev, case.size, **case.pooling)
    expected = np.zeros((len(A_prev), case.H * case.W, case.C))
    n, _, _, c = np.indices(places.shape)
    np.add.at(expected, (n, places, c), dA)
    assert_close(dA_prev, expected.reshape(A_prev.shape), EXACT)
    for counted in (False, True):  # the adjoint of a linear map
        how = case.pooling | {"count_include_pad": counted}
        forward = (reference.average_pool2d(A_prev, case.size, **how) * dA).sum()
        back = (reference.average_pool2d_backward(dA, A_prev, case.size, **how) * A_prev).sum()
        assert forward == pytest.approx(back, rel=1e-10, abs=1e-10)


@given(st.integers(1, 40), st.integers(1, 200), st.integers(1, 90))
@drawn
def test_dense(N, n_in, n_out):
    rng = np.random.default_rng([N, n_in, n_out])
    A_prev, W, b, dZ = map(rng.standard_normal, ((N, n_in), (n_in, n_out), n_out, (N, n_out)))
    ours = reference.dense(A_prev, W, b), *reference.dense_backward(dZ, A_prev, W)
    assert_all_close(ours, peers.dense(A_prev, W, b, dZ))


@given(st.integers(1, 40), st.integers(1, 50))
@drawn
def test_relu_and_softmax(N, classes):
    Z, dA = np.random.default_rng([N, classes]).standard_normal((2, N, classes))
    Z[0, 0] = 0
    assert_all_close((reference.relu(Z), reference.relu_backward(dA, Z)), peers.relu(Z, dA))
    assert_close(reference.softmax(9 * Z), peers.softmax(9 * Z), EXACT)


@given(
    *(st.integers(1, n) for n in (2, 7, 6, 4)), st.tuples(st.integers(1, 5), st.integers(1, 5)), st.booleans()
)
@drawn
def test_upsampling(N, H, W, C, factor, smooth):
    rng, mode = np.random.default_rng([N, H, W, C]), "bilinear" if smooth else "nearest"
    A_prev, dA = rng.standard_normal((N, H, W, C)), rng.standard_normal((N, H * factor[0], W * factor[1], C))
    ours = (
        reference.upsample2d(A_prev, factor, mode=mode),
        reference.upsample2d_backward(dA, factor, mode=mode),
    )
    assert_all_close(ours, peers.upsample2d(A_prev, factor, mode, dA))


@pytest.mark.parametrize(
    ("ours", "theirs", "numbers"),
    [
        ("leaky_relu", "leaky_relu", (0.2,)),
        ("clip", "hardtanh", (-1.0, 2.0)),
        ("clip", "relu6", ()),
        ("sigmoid", "sigmoid", ()),
        ("tanh", "tanh", ()),
        ("silu", "silu", ()),
        ("softmax", "softmax", ()),
        ("log_softmax", "log_softmax", ()),
    ],
)
def test_activations(ours, theirs, numbers):
    Z, dA = np.random.default_rng(0).standard_normal((2, 50, 20))
    Z *= 5
    A = getattr(reference, ours)(Z, *numbers)
    kept = A if ours in ("sigmoid", "tanh", "softmax", "log_softmax") else Z
    dZ = getattr(reference, f"{ours}_backward")(dA, kept, *numbers)
    assert_all_close(
        (A, dZ), peers.activation(theirs, Z, dA, *(numbers or ((1,) if "softmax" in ours else ())))
    )


@pytest.mark.parametrize("shape", [(2, 5, 4, 6), (3, 7, 1, 4), (4, 12)], ids=str)
@pytest.mark.parametrize(
    ("name", "groups"), [("layer", ()), ("group", (2,)), ("group", (1,)), ("instance", ())]
)
def test_normalisation_of_each_picture_by_itself(name, groups, shape):
    if name == "instance" and len(shape) == 2:
        shape = (*shape[:1], 3, 3, *shape[1:])
    rng = np.random.default_rng(shape)
    A_prev, dZ = rng.standard_normal((2, *shape)) + 2
    gamma, beta = rng.standard_normal((2, shape[-1]))
    own = "layer_norm" if name == "layer" else "group_norm"
    how = (shape[-1],) if name == "instance" else groups
    ours = (
        getattr(reference, own)(A_prev, gamma, beta, *how),
        *getattr(reference, f"{own}_backward")(dZ, A_prev, gamma, *how),
    )
    assert_all_close(ours, peers.grouped(name, A_prev, dZ, gamma, beta, *groups))


def test_a_learned_slope():
    rng = np.random.default_rng(0)
    Z, dA, slope = rng.standard_normal((2, 4, 3, 5)), rng.standard_normal((2, 4, 3, 5)), rng.random(5)
    Z[0, :2] = 0  # at its bend
    assert_all_close(
        (reference.prelu(Z, slope), *reference.prelu_backward(dA, Z, slope)), peers.prelu(Z, dA, slope)
    )


BENDS = np.array([-3, 3, 0, -0.0, 1, -1, 0.5, -0.5, 2.5, 1e-9, -1e-9, 30, -30, 700, -700])


@pytest.mark.parametrize(
    ("layer", "theirs", "numbers"),
    [
        (layers.ELU(0.7), "elu", (0.7,)),
        (layers.CELU(2.5), "celu", (2.5,)),
        (layers.SELU(), "selu", ()),
        (layers.HardSigmoid(), "hardsigmoid", ()),
        (layers.HardSwish(), "hardswish", ()),
        (layers.ThresholdedReLU(-0.5), "threshold", (-0.5, 0.0)),
        (layers.GELU(), "gelu", ()),
        (layers.Mish(), "mish", ()),
        (layers.Softplus(2.0, 5.0), "softplus", (2.0, 5.0)),
        (layers.LogSigmoid(), "logsigmoid", ()),
        (layers.Softsign(), "softsign", ()),
        (layers.Tanhshrink(), "tanhshrink", ()),
    ],
    ids=lambda value: "",
)
def test_layers_of_one_value_at_their_bends_too(layer, theirs, numbers):
    Z = np.concatenate([BENDS, 5 * np.random.default_rng(0).standard_normal(100)])
    dA = np.random.default_rng(1).standard_normal(Z.size)
    with fovea.engine("reference"):
        A, cache = layer.forward(Z)
        dZ, _ = layer.backward(dA, cache)
    assert_all_close((A, dZ), peers.activation(theirs, Z, dA, *numbers), 1e-7)


def test_gelu_by_tanh():
    Z = np.concatenate([BENDS, np.linspace(-6, 6, 101)])
    dA = np.random.default_rng(1).standard_normal(Z.size)
    expected = peers.gelu_tanh(Z, dA)
    assert_all_close((reference.gelu_tanh(Z), reference.gelu_tanh_backward(dA, Z)), expected)


def test_relu_of_nan():
    Z, dA = np.array([np.nan, -1.0, 1.0]), np.array([1.0, 2.0, 3.0])
    for ours, theirs in zip(
        (reference.relu(Z), reference.relu_backward(dA, Z)), peers.relu(Z, dA), strict=True
    ):
        assert np.array_equal(ours, theirs, equal_nan=True)


@given(st.integers(1, 40), st.integers(2, 50), st.booleans(), st.sampled_from((0.0, 0.1, 0.9)), st.booleans())
@drawn
def test_loss(N, classes, some_ignored, smoothing, weighted):
    rng = np.random.default_rng([N, classes])
    Z, labels = 4 * rng.standard_normal((N, classes)), rng.integers(0, classes, N)
    if some_ignored:
        labels[1::2] = -1
    more = {"smoothing": smoothing, "weights": rng.random(classes) + 0.1 if weighted else None}
    loss, dZ = peers.softmax_cross_entropy(Z, labels, **more)
    assert reference.softmax_cross_entropy(Z, labels, **more) == pytest.approx(loss, rel=EXACT)
    assert_close(reference.softmax_cross_entropy_backward(Z, labels, **more), dZ, EXACT)


@given(st.integers(1, 20), st.integers(2, 20), st.sampled_from((0.0, 0.1)))
@drawn
def test_loss_of_shares(N, classes, smoothing):
    rng = np.random.default_rng([N, classes])
    Z, T = 4 * rng.standard_normal((N, classes)), rng.dirichlet(np.ones(classes), N)
    loss, dZ = peers.softmax_cross_entropy(Z, T, smoothing)
    assert reference.softmax_cross_entropy(Z, T, smoothing=smoothing) == pytest.approx(loss, rel=EXACT)
    assert_close(reference.softmax_cross_entropy_backward(Z, T, smoothing=smoothing), dZ, EXACT)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_sgd(momentum, weight_decay):
    w, *gradients = np.random.default_rng(1).standard_normal((6, 50))
    theirs = peers.optimise("SGD", w, gradients, lr=0.1, momentum=momentum, weight_decay=weight_decay)
    velocity = np.zeros(50)
    for dw in gradients:
        reference.sgd(w, dw, velocity, rate=0.1, momentum=momentum, weight_decay=weight_decay)
    assert_close(w, theirs, EXACT)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_adam(betas, weight_decay):
    w, *gradients = np.random.default_rng(2).standard_normal((6, 50))
    theirs = peers.optimise("Adam", w, gradients, lr=0.1, betas=betas, eps=1e-7, weight_decay=weight_decay)
    m, v = np.zeros((2, 50))
    options = {
        "rate": 0.1,
        "beta1": betas[0],
        "beta2": betas[1],
        "epsilon": 1e-7,
        "weight_decay": weight_decay,
    }
    for step, dw in enumerate(gradients, start=1):
        reference.adam(w, dw, m, v, step=step, **options)
    assert_close(w, theirs, EXACT)


BROADCAST = [
    ((2, 4, 5, 3), (2, 4, 5, 3)),
    ((2, 4, 5, 3), (2, 1, 1, 3)),
    ((2, 4, 5, 1), (2, 1, 5, 3), (2, 4, 1, 1)),
    ((3, 7), (3, 7), (3, 1)),
]


@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
def test_sums_and_products(shapes):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    dZ = rng.standard_normal(np.broadcast_shapes(*shapes))
    theirs = peers.by_autograd(lambda *a: sum(a[1:], a[0]), dZ, *arrays)
    assert_all_close((reference.add(*arrays), *reference.add_backward(dZ, *shapes)), theirs)
    theirs = peers.by_autograd(lambda *a: math.prod(a[1:], start=a[0]), dZ, *arrays)
    assert_all_close((reference.multiply(*arrays), *reference.multiply_backward(dZ, *arrays)), theirs)


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (5, 7)], ids=str)
def test_affine(shape):
    rng = np.random.default_rng(0)
    A_prev, dZ, gamma, beta = (rng.standard_normal(s) for s in (shape, shape, shape[-1:], shape[-1:]))
    theirs = peers.by_autograd(lambda x, g, b: x * g + b, dZ, A_prev, gamma, beta)
    ours = reference.affine(A_prev, gamma, beta), *reference.affine_backward(dZ, A_prev, gamma)
    assert_all_close(ours, theirs)


PADS = (2, 1, 0, 3)  # top, bottom, left, right


@pytest.mark.parametrize(
    ("mode", "theirs"),
    [("constant", "constant"), ("mirror", "reflect"), ("nearest", "replicate"), ("wrap", "circular")],
)
def test_what_lies_around_pictures(mode, theirs):
    import torch.nn.functional as F

    rng = np.random.default_rng(0)
    A_prev, dA = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 6, 7, 5))

    def padded(x):
        return F.pad(x.permute(0, 3, 1, 2), (0, 3, 2, 1), theirs).permute(0, 2, 3, 1)

    with engine.use("reference"):
        ours = (
            functional.pad2d(A_prev, PADS, mode=mode),
            functional.pad2d_backward(dA, (3, 4), PADS, mode=mode),
        )
    assert_all_close(ours, peers.by_autograd(padded, dA, A_prev))


@pytest.mark.parametrize("size", [(6, 8), (5, 3), (1, 1), (7, 4)], ids=str)
@pytest.mark.parametrize(
    "how",
    [{"mode": "nearest"}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}],
    ids=str,
)
def test_resizing(size, how):
    import torch.nn.functional as F

    rng = np.random.default_rng(0)
    A_prev, dA = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, *size, 5))

    def resized(x):
        return F.interpolate(x.permute(0, 3, 1, 2), size, **how).permute(0, 2, 3, 1)

    with engine.use("reference"):
        ours = functional.resize2d(A_prev, size, **how), functional.resize2d_backward(dA, (3, 4), **how)
    assert_all_close(ours, peers.by_autograd(resized, dA, A_prev))


def test_pixel_shuffle():
    import torch
    import torch.nn.functional as F

    x = np.random.default_rng(0).standard_normal((2, 2, 3, 18))

    def shuffled(function, x):
        return function(torch.from_numpy(x).permute(0, 3, 1, 2), 3).permute(0, 2, 3, 1).numpy()

    larger = reference.depth_to_space(x, 3, mode="CRD")
    assert np.array_equal(larger, shuffled(F.pixel_shuffle, x))
    assert np.array_equal(
        reference.space_to_depth(larger, 3, mode="CRD"), shuffled(F.pixel_unshuffle, larger)
    )
    assert np.array_equal(reference.depth_to_space(reference.space_to_depth(larger, 3), 3), larger)

"""Plans whose kernels read the pictures' height and width at run time."""

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import fovea
from fovea import layers as L
from fovea.errors import ShapeError
from fovea.kernels import runtime
from fovea.losses import MeanSquaredError
from fovea.network.runner import Layerwise
from fovea.stages import Plan
from tests.cases import FORWARD, GRADIENT, WINOGRAD_FORWARD, assert_close, drawn, halide

pytestmark = halide

LAYERS = {
    "as VGG": lambda: {
        "conv1": L.Conv2D(16, 3, padding=1), "relu1": L.ReLU(), "conv2": L.Conv2D(32, 3, padding=1),
        "relu2": L.ReLU(), "pool": L.MaxPool2D(2), "conv3": L.Conv2D(40, 3, padding=1),
        "relu3": L.ReLU(), "conv4": L.Conv2D(32, 3, padding=1), "relu4": L.ReLU(),
    },
    "of many windows": lambda: {
        "wide": L.Conv2D(16, 9, padding=4), "relu1": L.ReLU(), "half": L.Conv2D(24, 3, 2, padding=1),
        "leaky": L.LeakyReLU(), "one": L.Conv2D(17, 1), "relu3": L.ReLU(),
        "spread": L.Conv2D(16, 3, padding=2, dilation=2), "relu4": L.LeakyReLU(),
    },
    "as the painters": lambda: {
        "conv1": L.Conv2D(16, 3, 1, 1, bias=False, padding_mode="mirror"), "norm1": L.InstanceNorm(0.1),
        "relu1": L.Tanh(), "half": L.Conv2D(16, 3, (1, 2), 1, bias=False, padding_mode="mirror"),
        "norm3": L.InstanceNorm(0.1), "relu3": L.Sigmoid(), "up": L.Upsample2D(2),
        "last": L.Conv2D(3, 3, 1, 1, bias=False, padding_mode="mirror"),
        "smooth": L.Upsample2D((3, 2), "bilinear"),
        "group": L.GroupNorm(1, 0.1), "layer": L.LayerNorm(0.1), "frame": L.Pad2D(1), "relu4": L.Sigmoid(),
    },
    "of pools": lambda: {
        "largest": L.MaxPool2D(3, 2, padding=1, ceil_mode=True), "relu1": L.LeakyReLU(),
        "mean": L.AveragePool2D(3, 1, padding=1), "relu3": L.Tanh(),
        "down": L.AveragePool2D(3, 2, padding=1, ceil_mode=True, count_include_pad=True),
        "channels": L.ChannelPool("average"), "all": L.GlobalAveragePool2D(), "relu4": L.Tanh(),
    },
}  # fmt: skip


def network(name, size, precision="exact"):
    outputs = ("relu1", "relu3", "relu4")
    made = fovea.Network(LAYERS[name](), (*size, 3), precision=precision, outputs=outputs)
    for key, array in made.parameters.items():
        if key.endswith(".b"):  # each channel is open or closed, and rounding cannot change that
            array[...] = np.where(np.arange(len(array)) % 3, 30, -30)
    return made.constant()


def case(name, size, count=1, precision="exact"):
    """The plan, and pictures and targets for it."""
    ours = Plan(network(name, size, precision), count, by_input=True, any_size=True, loss=MeanSquaredError())
    rng = np.random.default_rng(2)
    X = rng.normal(size=(count, *size, 3)).astype(np.float32)
    shapes = ours.network.output_shape.items()
    return ours, X, {out: rng.normal(size=(count, *shape)).astype(np.float32) for out, shape in shapes}


def decided(network, X):
    """Whether rounding cannot change the maximum of any 2 × 2 pixels."""
    for layer, Z, _ in network.forward_steps(X):
        if layer.name == "relu2":
            N, (H, W), C = len(Z), (n // 2 for n in Z.shape[1:3]), Z.shape[3]
            windows = Z[:, : 2 * H, : 2 * W].reshape(N, H, 2, W, 2, C)
            first, second = np.sort(windows.transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4))[:, :1:-1].T
            return ((first == 0) | (first - second > 1e-4)).all()
    return True


def specifications(plan):
    return set(plan.context.specifications)


@cache
def kernels(name, precision="exact"):
    """Those of the plan for a picture of 24 × 32 pixels."""
    return specifications(case(name, (24, 32), 1, precision)[0])


sizes = st.tuples(st.integers(2, 48), st.integers(2, 48))  # of which a pool leaves something


@pytest.mark.parametrize("name", LAYERS)
@given(size=sizes, count=st.integers(1, 3))
@drawn
def test_one_compiled_kernel_computes_pictures_of_every_size(name, size, count):
    ours, X, targets = case(name, size, count)
    assert specifications(ours) == kernels(name)
    with fovea.engine("reference"):
        assume(decided(ours.network, X))
        expected = Layerwise(ours.network, MeanSquaredError(), training=False)
        loss, dX = expected.loss_and_input_gradient(X, targets)
        outputs = expected.predict(X)
    got, gradient = ours.loss_and_input_gradient(X, targets)
    assert got == pytest.approx(loss, rel=FORWARD)
    assert_close(gradient, dX, GRADIENT)
    for out, A in ours.predict(X).items():
        assert_close(A, outputs[out], FORWARD)


@pytest.mark.parametrize("name", LAYERS)
def test_the_smallest_picture_has_one_pixel_per_pool(name):
    ours, X, _ = case(name, (2, 2))
    assert all(np.isfinite(A).all() for A in ours.predict(X).values())
    assert specifications(ours) == kernels(name)


@pytest.mark.parametrize("name", LAYERS)
def test_the_number_of_threads_changes_no_bit(name):
    ours, X, targets = case(name, (37, 41))
    loss, dX = ours.loss_and_input_gradient(X, targets)
    runtime.set_threads(1)
    try:
        alone, same = ours.loss_and_input_gradient(X, targets)
    finally:
        runtime.set_threads(None)
    assert alone == loss
    assert np.array_equal(same, dX)


def test_plans_for_several_sizes_share_weights_and_what_kernels_prepared_of_them():
    base = network("as VGG", (24, 32), "fast")
    first = Plan(base, 1, by_input=True, any_size=True, loss=MeanSquaredError())
    prepacked = {id(array) for array in base.prepacked.values()}
    larger = base.resized(31, 45)
    second = Plan(larger, 1, by_input=True, any_size=True, loss=MeanSquaredError())
    assert larger.memory is base.memory
    assert {id(array) for array in larger.prepacked.values()} == prepacked != set()
    preparing = {s for s in specifications(first) if "prepacked" in s.writes}
    assert specifications(second) == specifications(first) - preparing != specifications(first)
    X = np.random.default_rng(4).normal(size=(1, 31, 45, 3)).astype(np.float32)
    with fovea.engine("reference"):
        expected = Layerwise(larger, training=False).predict(X)
    for out, A in second.predict(X).items():
        assert_close(A, expected[out], WINOGRAD_FORWARD)


def test_a_network_with_weights_for_each_pixel_has_one_size():
    with pytest.raises(ShapeError, match=r'^Dense "dense1": expected parameters .*make a network for 32×32'):
        fovea.models.lenet5().resized(32, 32)


def test_pixels_are_preprocessed_as_for_one_size():
    ours, _, _ = case("as VGG", (13, 9))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 13, 9, 3), np.uint8)
    expected = Plan(ours.network, 1).predict(pixels)
    for out, A in ours.predict(pixels).items():
        assert_close(A, expected[out], FORWARD)


def test_training_needs_one_size():
    with pytest.raises(ShapeError, match=r"^plan: any_size: expected predictions, or by_input, got training"):
        Plan(fovea.models.lenet5(), 1, training=True, any_size=True)

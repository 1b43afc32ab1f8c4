"""A plan computes what the layers compute one by one in the reference, whatever stages they make."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fovea
from fovea import layers as L
from fovea.errors import ShapeError
from fovea.kernels import runtime, tiles
from fovea.losses import CrossEntropy, MeanSquaredError
from fovea.network.runner import Layerwise
from fovea.stages import Plan
from fovea.stages.context import Context
from fovea.stages.join import join
from fovea.stages.program import assemble
from tests.cases import FORWARD, GRADIENT, WINOGRAD_FORWARD, WINOGRAD_GRADIENT, assert_close, halide

pytestmark = halide


@dataclass(eq=False)
class Doubled(L.Layer):
    """A layer as a user may write it, with a parameter."""

    def parameter_shapes(self, input_shape):
        return {"g": (input_shape[-1],)}

    def initialise(self, input_shape, rng):
        self.parameters["g"][...] = 2

    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev * self.parameter("g", A_prev), A_prev

    def backward(self, dZ, cache):
        axes = tuple(range(cache.ndim - 1))
        return dZ * self.parameter("g", cache), {"g": (dZ * cache).sum(axis=axes)}


NETWORKS = {
    "lenet5": lambda: fovea.models.lenet5(),
    "course": lambda: fovea.models.build("course39"),
    "few channels, odd sizes": lambda: fovea.Network(
        [
            L.Conv2D(5, (3, 2), stride=(1, 2), padding=(1, 0, 2, 1)), L.ReLU(), L.MaxPool2D((2, 1)),
            L.Flatten(), L.Dense(3),
        ],
        (11, 10, 2),
    ),
    "many channels": lambda: fovea.Network(
        [
            L.Conv2D(32, 3, padding="same"), L.ReLU(), L.MaxPool2D(2), L.Conv2D(24, 3, stride=2), L.ReLU(),
            L.Conv2D(17, 1), L.GlobalAveragePool2D(), L.Dense(7),
        ],
        (13, 12, 3),
    ),
    "from few to many and back": lambda: fovea.Network(
        [
            L.Conv2D(16, 3), L.ReLU(), L.Conv2D(16, 3), L.MaxPool2D(2), L.Conv2D(4, 1), L.ReLU(),
            L.Conv2D(20, 2, bias=False), L.Flatten(), L.ReLU(), L.Dense(5, bias=False),
        ],
        (12, 12, 1),
        precision="exact",
    ),
    "pools of every kind": lambda: fovea.Network(
        [
            L.MaxPool2D(2), L.Conv2D(6, 3, padding=1), L.MaxPool2D(3, 2, padding=1), L.ReLU(),
            L.AveragePool2D(2, 1, padding=1), L.Conv2D(18, 3, padding="same"), L.MaxPool2D(3, padding="same"),
            L.AveragePool2D(2, count_include_pad=True, padding="same"), L.Conv2D(20, 1), L.ReLU(),
            L.MaxPool2D(2, ceil_mode=True), L.Flatten(), L.Dense(4),
        ],
        (20, 19, 2),
    ),
    "weights that the threads share": lambda: fovea.Network(
        [
            L.Conv2D(160, 3, stride=2, padding=1), L.ReLU(), L.Conv2D(160, 3, stride=2, padding="same"),
            L.ReLU(), L.MaxPool2D(2), L.Conv2D(1280, 1), L.ReLU(), L.Flatten(), L.Dense(4),
        ],
        (13, 16, 3),
    ),
    "activations taken along": lambda: fovea.Network(
        [
            L.Conv2D(6, 3), L.LeakyReLU(0.2), L.Conv2D(4, 3), L.Clip(-0.2, 0.3), L.MaxPool2D(2),
            L.Conv2D(20, 3, padding="same"), L.SiLU(), L.Conv2D(32, 3, padding=1), L.SiLU(),
            L.Conv2D(33, 1), L.Tanh(), L.Conv2D(17, 2), L.Sigmoid(), L.Conv2D(9, 1),
            L.LeakyReLU(-1.0), L.Conv2D(18, 3, padding=1, groups=9), L.SiLU(), L.Conv2D(18, 2, groups=18),
            L.ReLU6(), L.Conv2D(8, 1), L.GELU(), L.Conv2D(8, 1), L.HardSwish(), L.Conv2D(8, 1),
            L.HardSigmoid(), L.Conv2D(8, 1), L.ELU(), L.Flatten(), L.Dense(9), L.SiLU(), L.Dense(7),
            L.Tanh(), L.Dense(3), L.ReLU6(),
        ],
        (14, 13, 2),
    ),
    "activations by themselves": lambda: fovea.Network(
        [
            L.SiLU(), L.Conv2D(6, 3), L.SiLU(), L.MaxPool2D(2), L.SiLU(), L.AveragePool2D(2), L.Sigmoid(),
            L.Conv2D(18, 3), L.LeakyReLU(), L.MaxPool2D(2), L.LeakyReLU(-0.5), L.Tanh(), L.Clip(-0.5, 0.4),
            L.Mish(), L.HardSigmoid(0.3, 0.4), L.Softplus(2.0),
            L.Flatten(), L.Dense(5), L.ReLU6(), L.SiLU(), L.Dense(4), L.Softmax(),
        ],
        (18, 18, 2),
    ),
    "upsampling": lambda: fovea.Network(
        [
            L.Upsample2D(2), L.Conv2D(6, 3), L.ReLU(), L.Upsample2D((1, 2), "bilinear"), L.Conv2D(20, 3),
            L.Upsample2D(2, "bilinear"), L.Conv2D(17, 3), L.Upsample2D(3),
            L.GlobalAveragePool2D(), L.Dense(3),
        ],
        (5, 6, 2),
    ),
    "layers of one's own": lambda: fovea.Network(
        [
            L.Conv2D(6, 3), Doubled(), L.ReLU(), L.Conv2D(20, 3), Doubled(),
            L.Flatten(), L.Dense(9), Doubled(), L.ReLU(), L.Dense(3),
        ],
        (9, 8, 1),
    ),
    "winograd": lambda: fovea.Network(
        [
            L.Conv2D(32, 3, padding="same"), L.ReLU(), L.Conv2D(48, 3, padding=1), L.ReLU(), L.MaxPool2D(2),
            L.Conv2D(40, 3, padding=(0, 1, 2, 1), bias=False), L.ReLU(),
            L.Conv2D(64, 3, padding="same", precision="exact"), L.GlobalAveragePool2D(), L.Dense(5),
        ],
        (17, 16, 3),
    ),
    "residual blocks": lambda: fovea.Network(
        {
            "stem": L.Conv2D(8, 3, padding="same"), "first": L.ReLU(),
            "conv1": L.Conv2D(8, 3, padding="same"), "relu1": L.ReLU(),
            "conv2": L.Conv2D(8, 3, padding="same"), "sum1": (L.Add(), "conv2", "first"), "second": L.ReLU(),
            "conv3": L.Conv2D(24, 3, stride=2, padding=1), "relu3": L.ReLU(),
            "conv4": L.Conv2D(24, 3, padding=1), "shortcut": (L.Conv2D(24, 1, stride=2), "second"),
            "sum2": (L.Add(), "shortcut", "conv4"), "third": L.ReLU(),
            "pool": L.GlobalAveragePool2D(), "dense": L.Dense(5),
        },
        (14, 14, 3),
        precision="exact",
    ),
    "shortcuts without parameters": lambda: fovea.Network(
        {
            "stem": L.Conv2D(16, 3, padding=1), "first": L.ReLU(),
            "shortcut1": L.Shortcut(32, 2), "conv1": (L.Conv2D(32, 3, stride=2, padding=1), "first"),
            "sum1": (L.Add(), "conv1", "shortcut1"), "few": (L.Conv2D(5, 1), "sum1"),
            "shortcut2": L.Shortcut(7, (3, 1)), "pool": L.GlobalAveragePool2D(), "dense": L.Dense(5),
        },
        (13, 12, 3),
    ),
    "ways of every kind": lambda: fovea.Network(
        {
            "few": L.Conv2D(4, 3, padding=1), "many": (L.Conv2D(32, 1), "input"), "relu": L.ReLU(),
            "side": (L.Concat(), "relu", "few", "input"), "own": Doubled(),
            "thrice": (L.Add(), "own", "side", "side"), "pool": (L.MaxPool2D(2), "thrice"),
            "flat": L.Flatten(), "left": L.Dense(6), "right": (L.Dense(6), "flat"),
            "sum": (L.Add(), "left", "right"), "both": (L.Concat(), "sum", "left"), "end": L.Dense(3),
        },
        (6, 7, 2),
    ),
    "gates": lambda: fovea.Network(
        {
            "conv": L.Conv2D(20, 3), "relu": L.ReLU(), "pool": L.GlobalAveragePool2D(), "less": L.Dense(4),
            "few": L.ReLU(), "more": L.Dense(20), "gate": L.Sigmoid(),
            "gated": (L.Multiply(), "relu", "gate"), "scale": L.Affine(bias=False), "silu": L.SiLU(),
            "one": (L.Conv2D(1, 3, padding=1), "silu"), "open": L.Sigmoid(),
            "spatial": (L.Multiply(), "open", "silu"), "squared": (L.Multiply(), "spatial", "spatial"),
            "conv2": L.Conv2D(5, 2), "norm": L.BatchNorm(), "vector": (L.Dense(5), "pool"),
            "shifted": (L.Add(), "norm", "vector"), "affine": L.Affine(),
            "row": L.MaxPool2D((1, 6)), "column": (L.AveragePool2D((7, 1)), "affine"),
            "crossed": (L.Multiply(), "row", "column", "shifted"), "sum": (L.Add(), "crossed", "row"),
            "end": L.GlobalAveragePool2D(), "scaled": L.Affine(),
        },
        (10, 9, 3),
        precision="exact",
    ),
    "groups and dilation": lambda: fovea.Network(
        [
            L.Conv2D(32, 3, stride=2, padding=1), L.ReLU(), L.Conv2D(32, 3, padding=1, groups=32, bias=False),
            L.ReLU(), L.Conv2D(48, 1), L.Conv2D(48, 3, 2, 1, groups=48), L.ReLU(), L.MaxPool2D(2),
            L.Conv2D(96, 3, padding=1, groups=12), L.ReLU(), L.Conv2D(64, 3, padding=2, dilation=2, groups=2),
            L.ReLU(), L.GlobalAveragePool2D(), L.Dense(3),
        ],
        (21, 20, 3),
    ),
    "down and up": lambda: fovea.Network(
        [
            L.Conv2D(32, 3, stride=2, padding=1), L.ReLU(), L.ConvTranspose2D(24, 2, stride=2), L.ReLU(),
            L.Conv2D(6, 3), L.ConvTranspose2D(5, 3, 2, 1, 1, bias=False), L.ReLU(), L.MaxPool2D(3),
            L.ConvTranspose2D(20, 3, padding="same", groups=5), L.Flatten(), L.Dense(3),
        ],
        (10, 11, 3),
    ),
    "few channels in groups": lambda: fovea.Network(
        [
            L.Conv2D(6, 3, padding=1), L.ReLU(), L.Conv2D(6, 3, padding=1, groups=6), L.ReLU(),
            L.Conv2D(12, (3, 2), stride=(2, 1), dilation=(1, 2), groups=3), L.ReLU(), L.MaxPool2D(2),
            L.Conv2D(8, 2, groups=4, bias=False), L.Flatten(), L.Dense(3),
        ],
        (13, 12, 2),
    ),
    "residual blocks by winograd": lambda: fovea.Network(
        {
            "stem": L.Conv2D(32, 3, padding=1), "sum0": L.ReLU(),
            "conv1": L.Conv2D(32, 3, padding=1), "relu1": L.ReLU(),
            "conv2": L.Conv2D(32, 3, padding=1), "sum1": (L.Add(), "conv2", "sum0"), "relu2": L.ReLU(),
            "left": L.Conv2D(32, 3, padding=1), "right": (L.Conv2D(32, 3, padding=1), "relu2"),
            "apart": (L.Conv2D(32, 3, padding=1, groups=32), "relu2"), "more": L.Conv2D(32, 1, bias=False),
            "sum2": (L.Add(), "left", "right", "more"), "pool": L.GlobalAveragePool2D(), "dense": L.Dense(5),
        },
        (17, 16, 3),
    ),
    "normalised, few channels": lambda: fovea.Network(
        [
            L.BatchNorm(), L.Conv2D(6, 3), L.BatchNorm(), L.ReLU(), L.MaxPool2D(2),
            L.Conv2D(10, 3, padding=1, bias=False), L.BatchNorm(epsilon=0.1), L.Tanh(),
            L.Conv2D(8, 1), L.BatchNorm(), L.LeakyReLU(0.1), L.BatchNorm(), L.ReLU6(),
            L.Flatten(), L.Dense(4),
        ],
        (9, 10, 3),
    ),
    "normalised residual blocks": lambda: fovea.Network(
        {
            "stem": L.Conv2D(24, 3, padding="same", bias=False), "norm": L.BatchNorm(), "first": L.ReLU(),
            "conv1": L.Conv2D(24, 3, padding=1, bias=False), "norm1": L.BatchNorm(), "relu1": L.ReLU(),
            "conv2": L.Conv2D(24, 3, padding=1, bias=False), "norm2": L.BatchNorm(),
            "sum1": (L.Add(), "norm2", "first"), "second": L.ReLU(),
            "conv3": L.Conv2D(36, 3, stride=2, padding=1), "norm3": L.BatchNorm(), "silu3": L.SiLU(),
            "conv4": L.Conv2D(36, 3, padding=1, bias=False), "norm4": L.BatchNorm(),
            "shortcut": (L.Conv2D(36, 1, stride=2, bias=False), "second"), "norm5": L.BatchNorm(),
            "sum2": (L.Add(), "norm4", "norm5"), "conv6": L.Conv2D(36, 1), "norm6": L.BatchNorm(),
            "sum3": (L.Add(), "sum2", "norm6"), "last": L.ReLU(),
            "pool": L.GlobalAveragePool2D(), "dense": L.Dense(5),
        },
        (14, 14, 3),
        precision="exact",  # by Winograd's algorithm, some ReLU of a number next to 0 goes the other way
    ),
    "pictures normalised by themselves": lambda: fovea.Network(
        {
            "conv1": L.Conv2D(6, 3), "norm1": L.InstanceNorm(), "relu1": L.ReLU(), "conv2": L.Conv2D(20, 3),
            "norm2": L.GroupNorm(4), "prelu2": L.PReLU(), "conv3": L.Conv2D(20, 3, padding=1),
            "norm3": L.LayerNorm(1e-6), "gelu3": L.GELU(), "sum": (L.Add(), "gelu3", "prelu2"),
            "pool": L.GlobalAveragePool2D(), "norm4": L.LayerNorm(), "dense": L.Dense(5),
            "prelu": L.PReLU(True),
        },
        (13, 12, 3),
        precision="exact",
    ),
    "pictures normalised by themselves, and added": lambda: fovea.Network(
        {
            "conv1": L.Conv2D(20, 3), "norm1": L.InstanceNorm(), "relu1": L.ReLU(),
            "conv2": L.Conv2D(20, 3, padding=1), "norm2": L.InstanceNorm(),
            "sum2": (L.Add(), "norm2", "relu1"),
            "conv3": L.Conv2D(20, 3, padding=1), "norm3": L.GroupNorm(5), "sum3": (L.Add(), "norm3", "sum2"),
            "silu3": L.SiLU(), "conv4": L.Conv2D(3, 3, padding=1), "norm4": L.InstanceNorm(),
            "open": L.Sigmoid(), "norm5": L.LayerNorm(), "tanh5": L.Tanh(), "pool": L.GlobalAveragePool2D(),
            "dense": L.Dense(5),
        },
        (14, 18, 3),
        precision="exact",
    ),
    "a normalised input, to itself": lambda: fovea.Network(
        {
            "conv": L.Conv2D(5, 3), "norm": L.BatchNorm(), "sum": (L.Add(), "norm", "conv"),
            "twice": L.BatchNorm(), "all": (L.Add(), "sum", "twice", "norm"), "other": (L.BatchNorm(), "all"),
            "last": L.ReLU(), "end": L.GlobalAveragePool2D(),
        },
        (7, 7, 2),
    ),
    "pools of one pixel": lambda: fovea.Network(
        [L.Conv2D(4, 1), L.MaxPool2D(1), L.Conv2D(20, 3), L.ReLU(), L.MaxPool2D(1), L.Flatten(), L.Dense(3)],
        (5, 5, 1),
    ),
    "dense only": lambda: fovea.Network([L.Flatten(), L.Dense(33), L.ReLU(), L.Dense(4)], (3, 3, 2)),
    "pools over whole axes": lambda: fovea.Network(
        {
            "conv": L.Conv2D(20, 3), "relu": L.ReLU(), "max": (L.ChannelPool("max"), "relu"),
            "mean": (L.ChannelPool("average"), "relu"), "both": (L.Concat(), "max", "mean"),
            "one": L.Conv2D(1, 3, padding=1), "gate": L.Sigmoid(), "gated": (L.Multiply(), "relu", "gate"),
            "most": L.GlobalMaxPool2D(), "all": (L.GlobalAveragePool2D(), "gated"),
            "side": (L.Concat(), "most", "all"), "end": L.Dense(3),
        },
        (10, 9, 3),
        precision="exact",
    ),
    "padded, resized and rearranged": lambda: fovea.Network(
        [
            L.Pad2D(2, "mirror"), L.Conv2D(12, 3), L.ReLU(), L.DepthToSpace(2), L.Conv2D(20, 3),
            L.Pad2D((1, 2, 0, -1), "wrap"), L.Channels(tuple(range(17, 1, -1))),
            L.Resize2D((9, 14), "bilinear"), L.Conv2D(18, 2), L.Pad2D((0, 1, 1, 0), value=0.25),
            L.Resize2D((8, 6)), L.SpaceToDepth(2, "CRD"), L.Conv2D(5, 1),
            L.Resize2D(6), L.SpaceToDepth(3), L.Resize2D(3, "bilinear", align_corners=True),
            L.Pad2D(1, "nearest"), L.GlobalAveragePool2D(), L.Dense(3),
        ],
        (7, 5, 2),
        precision="exact",
    ),
    "mirrored borders": lambda: fovea.Network(
        {
            "conv1": L.Conv2D(4, 3, padding="same", padding_mode="mirror"), "relu1": L.ReLU(),
            "conv2": L.Conv2D(20, 5, 2, (4, 1, 2, 3), padding_mode="mirror"), "relu2": L.ReLU(),
            "conv3": L.Conv2D(32, 3, padding="same", padding_mode="mirror"), "sum2": L.ReLU(),
            "conv4": L.Conv2D(32, 3, padding="same", padding_mode="mirror"),
            "sum": (L.Add(), "conv4", "sum2"),
            "conv5": L.Conv2D(32, 3, padding=2, groups=32, padding_mode="mirror"), "relu5": L.ReLU(),
            "conv6": L.Conv2D(24, 3, 2, 1, groups=8, padding_mode="mirror"), "silu6": L.SiLU(),
            "conv7": L.Conv2D(33, 3, padding=2, dilation=2, padding_mode="mirror"), "pool": L.MaxPool2D(2),
            "end": L.GlobalAveragePool2D(), "dense": L.Dense(5),
        },
        (17, 19, 3),
    ),
    "ends without dense": lambda: fovea.Network([L.Conv2D(10, 3), L.GlobalAveragePool2D()], (6, 6, 16)),
    "ends with many channels": lambda: fovea.Network(
        [L.Conv2D(20, 3), L.GlobalAveragePool2D()], (6, 6, 16), precision="exact"
    ),
}  # fmt: skip


# Networks whose kernels have tasks enough for one picture; they are too deep for gradients to be compared.
WIDE = {
    "work that few pictures share": lambda: fovea.Network(
        [
            L.Conv2D(96, 3, stride=2, padding=1), L.ReLU(), L.Conv2D(96, 3, padding=1, groups=96),
            L.Conv2D(320, 1), L.MaxPool2D(2), L.Conv2D(64, 3, padding=1), L.ReLU(), L.Flatten(), L.Dense(70),
            L.Dense(17), L.Dense(3),
        ],
        (33, 29, 3),
    ),
    "wide pictures of few channels": lambda: fovea.Network(
        [
            L.Conv2D(32, 3, stride=2, padding=1), L.ReLU(), L.Conv2D(16, 1), L.Conv2D(96, 1), L.ReLU6(),
            L.Conv2D(24, 3, stride=2, padding=1), L.Conv2D(16, 5, padding="same"), L.ReLU(),
            L.Conv2D(17, 3, stride=2), L.GlobalAveragePool2D(), L.Dense(4),
        ],
        (90, 83, 3),
    ),
    "filters transformed where they are used": lambda: fovea.Network(
        [
            L.Conv2D(320, 1), L.ReLU(), L.Conv2D(100, 3, padding=1), L.ReLU(), L.Conv2D(320, 1),
            L.BatchNorm(), L.ReLU(), L.Conv2D(368, 3, padding=1), L.MaxPool2D(2), L.GlobalAveragePool2D(),
            L.Dense(3),
        ],
        (13, 11, 3),
    ),
}  # fmt: skip


def batch(network, count, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((count, *network.input_shape), np.float32)
    labels = rng.integers(-1, network.output_shape[0], count).astype(np.int32)
    labels[0] = 0
    return images, labels


def exact(network):
    """The same network, answering in the reference and in float64; it learns nothing."""

    def run(images, labels):
        with fovea.engine("reference"):
            plan, before = Layerwise(network), network.memory.copy()
            plan.gradients = np.zeros(network.flat.shape)
            images = images.astype(np.float64)
            found = plan.predict(images), *plan.loss_and_gradients(images, labels), plan.gradients
            network.memory[...] = before
            return found

    return run


@pytest.mark.parametrize("name", NETWORKS)
def test_a_plan_agrees_with_the_reference(name):
    network = NETWORKS[name]()
    plan = Plan(network, 37, training=True)
    for count in (37, 1, 16, 30):  # smaller batches see nothing of the larger ones before
        # With these pictures no ReLU or maximum is so near that rounding turns it, and gradients with it.
        images, labels = batch(network, count, seed=100 + count)
        Z, loss, correct, gradients = exact(network)(images, labels)
        assert np.abs(plan.predict(images) - Z).max() <= WINOGRAD_FORWARD * np.abs(Z).max()
        assert plan.loss_and_gradients(images, labels) == (pytest.approx(loss, rel=1e-5, abs=1e-6), correct)
        for key, (start, shape) in network.layout.items():
            expected = gradients[start : start + int(np.prod(shape))]
            got = plan.gradient_views[key].reshape(-1)
            scale = max(np.abs(expected).max(), 1e-2)
            assert np.abs(got - expected).max() <= WINOGRAD_GRADIENT * scale, (key, count)


@pytest.mark.parametrize("weights", [None, (1.0, 0.0, 2.5, 0.5)])
def test_a_plan_computes_the_loss_that_it_is_given(weights):
    network, loss = NETWORKS["dense only"](), CrossEntropy(0.1, weights)
    plan, layers = Plan(network, 20, training=True, loss=loss), Layerwise(network, loss)
    rng = np.random.default_rng(4)
    for count in (20, 7):
        images, labels = batch(network, count, seed=count)
        shares = rng.dirichlet(np.ones(4), count).astype(np.float32)
        shares[3] = 0
        for wanted in (labels, shares, labels):  # shares are prepared when they first come
            with fovea.engine("reference"):
                expected, correct = layers.loss_and_gradients(images, wanted)
            assert plan.loss_and_gradients(images, wanted) == (pytest.approx(expected, rel=1e-5), correct)
            assert_close(plan.gradients, layers.gradients, GRADIENT)


def test_a_label_is_the_whole_share_of_its_class_to_the_bit():
    network = NETWORKS["dense only"]()
    plan = Plan(network, 20, training=True, loss=CrossEntropy(0.1))
    images, labels = batch(network, 20)
    found = plan.loss_and_gradients(images, labels), plan.gradients.copy()
    shares = np.where(labels[:, None] < 0, 0, np.eye(4, dtype=np.float32)[labels])
    assert plan.loss_and_gradients(images, shares) == found[0]
    assert np.array_equal(plan.gradients, found[1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, np.int32), "expected labels (2,), got (3,)"),
        (np.array([0, 4]), "expected labels from 0 to 3, or −1 for an example to ignore, got labels[1] = 4"),
        (np.ones((2, 3), np.float32), "expected labels (2, 4), got (2, 3)"),
        (np.ones((2, 4), np.float32), "expected rows of shares of at least 0 with the sum 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    network = NETWORKS["dense only"]()
    with pytest.raises(ShapeError, match=re.escape(f"plan: {message}")):
        Plan(network, 2, training=True).loss_and_gradients(batch(network, 2)[0], labels)


@pytest.mark.parametrize(
    "make", [Layerwise, lambda network, loss: Plan(network, 2, training=True, loss=loss)]
)
def test_weights_for_other_classes_are_refused(make):
    with pytest.raises(ShapeError, match="loss: weights: expected one for each of 4 classes, got 3"):
        make(NETWORKS["dense only"](), CrossEntropy(weights=[1, 2, 3]))


@pytest.mark.parametrize("name", [name for name in NETWORKS if "activations" in name])
def test_what_the_backward_pass_reads_is_kept_for_it_and_else_not(name):
    """A plan that only predicts has no room for Z beside A, and gives the same bits."""
    network = NETWORKS[name]()
    images, labels = batch(network, 20)
    training, predicting = Plan(network, 20, training=True), Plan(network, 20)
    training.loss_and_gradients(images, labels)
    assert np.array_equal(training.predict(images), predicting.predict(images))
    assert not any(part.arrays.saved for part in predicting.parts)


def operations(network):
    """Those of a plan that trains, whose kernels need not be compiled for it."""
    context = Context(network, 2, training=True)
    assemble(context, CrossEntropy())
    return {specification.operation for specification in context.specifications}


def test_precision_chooses_the_algorithm_and_holds_its_bounds():
    fast, precise = NETWORKS["winograd"](), NETWORKS["winograd"]()
    precise.precision = "exact"
    assert operations(fast) >= {"winograd.forward", "winograd.inputs", "winograd_weights.weights"}
    assert not any("winograd" in operation for operation in operations(precise))
    images, labels = batch(precise, 9)
    Z, _, _, gradients = exact(precise)(images, labels)
    plan = Plan(precise, 9, training=True)
    assert_close(plan.predict(images), Z, FORWARD)
    plan.loss_and_gradients(images, labels)
    assert_close(plan.gradients, gradients, GRADIENT)


def test_a_layers_precision_comes_before_the_networks():
    def network(**precision):
        return fovea.Network([L.Conv2D(16, 3, **precision), L.GlobalAveragePool2D()], (18, 18, 16))

    assert "winograd.forward" in operations(network())
    assert "conv.forward" in operations(network(precision="exact"))
    asked = network(precision="fast")
    asked.precision = "exact"
    assert "winograd.forward" in operations(asked)


@pytest.mark.parametrize("name", NETWORKS)
def test_predicting_alone_takes_less_memory_and_gives_the_same(name):
    network = NETWORKS[name]()
    images, _ = batch(network, 20)
    assert np.array_equal(Plan(network, 20).predict(images), Plan(network, 20, training=True).predict(images))


@pytest.mark.parametrize(
    "name", ["lenet5", "many channels", "winograd", "residual blocks", "normalised residual blocks"]
)
def test_a_pictures_prediction_does_not_depend_on_its_batch(name):
    network = NETWORKS[name]()
    images, _ = batch(network, 40)
    together = Plan(network, 40).predict(images)
    alone = Plan(network, 40)
    assert np.array_equal(together, np.concatenate([alone.predict(images[i : i + 1]) for i in range(40)]))


def trained(network, threads):
    runtime.set_threads(threads)
    try:
        plan, optimizer = Plan(network, 50, training=True), fovea.optimizers.SGD()
        for step in range(5):
            plan.loss_and_gradients(*batch(network, 50 - step, seed=step), rng=np.random.default_rng(step))
            optimizer.step({"all": network.flat}, {"all": plan.gradients}, 0.01)
    finally:
        runtime.set_threads(None)
    return network.flat


@pytest.mark.parametrize(
    "name",
    [
        "lenet5",
        "many channels",
        "pools of every kind",
        "layers of one's own",
        "winograd",
        "weights that the threads share",
        "gates",
        "pools over whole axes",
        "padded, resized and rearranged",
        "residual blocks",
        "ways of every kind",
        "groups and dilation",
        "down and up",
        "normalised, few channels",
        "normalised residual blocks",
    ],
)
def test_training_gives_equal_bits_at_any_number_of_threads(name):
    one, *others = [trained(NETWORKS[name](), threads) for threads in (1, 2, 3)]
    assert np.isfinite(one).all()
    for other in others:
        assert np.array_equal(one, other)


def test_pixels_are_preprocessed_on_the_way_in():
    network = fovea.models.lenet5()
    network.preprocessing = fovea.Preprocessing((0.3,), (0.2,))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    plan = Plan(network, 20)
    expected = plan.predict(network.preprocessing.apply(pixels).astype(np.float32))
    assert np.abs(plan.predict(pixels) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_dropout_drops_in_steps_and_not_in_predictions():
    network = fovea.Network([L.Conv2D(4, 3), L.ReLU(), L.Dropout(0.5), L.Flatten(), L.Dense(3)], (8, 8, 1))
    images, labels = batch(network, 20)
    plan = Plan(network, 20, training=True)
    before = plan.predict(images)
    losses = [plan.loss_and_gradients(images, labels, rng=np.random.default_rng(s))[0] for s in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    assert np.array_equal(plan.predict(images), before)


@pytest.mark.parametrize("last", [False, True])
def test_dropout_is_no_stage_of_a_prediction(last):
    layers = [L.Flatten(), L.Dense(6), L.Dropout(0.5), *([] if last else [L.Dense(3)])]
    network = fovea.Network(layers, (8, 8, 1))
    images, _ = batch(network, 20)
    plan = Plan(network, 20)
    names = [layer.name for part in plan.parts for layer in part.stage.layers]
    assert "dropout" not in " ".join(names)
    assert np.array_equal(plan.predict(images), Plan(network, 20, training=True).predict(images))


def test_where_dropout_is_no_stage_one_array_may_be_added_twice():
    nodes = [fovea.Node(L.Conv2D(16, 3), "a"), L.Dropout(0.5), fovea.Node(L.Add(), after=("a", "dropout1"))]
    network = fovea.Network([*nodes, L.Flatten()], (8, 8, 1))
    images, _ = batch(network, 4)
    assert np.allclose(Plan(network, 4).predict(images), network.forward(images)[0], atol=1e-5)


def test_changed_weights_are_seen_at_once():
    network = fovea.models.lenet5()
    plan, (images, _) = Plan(network, 4), batch(network, 4)
    plan.predict(images)
    network.parameters["dense3.W"][...] = 0
    network.parameters["dense3.b"][...] = np.arange(10)
    assert np.array_equal(plan.predict(images), np.tile(np.arange(10, dtype=np.float32), (4, 1)))


def test_nan_pictures_give_a_nan_loss():
    network = fovea.models.lenet5()
    images, labels = batch(network, 16)
    images[0, 14, 14] = np.nan
    assert np.isnan(Plan(network, 16, training=True).loss_and_gradients(images, labels)[0])


@pytest.mark.parametrize("shape", [(0, 28, 28, 1), (5, 28, 28, 1), (1, 28, 28, 3), (28, 28, 1)])
def test_what_does_not_fit_is_refused(shape):
    plan = Plan(fovea.models.lenet5(), 4)
    with pytest.raises(fovea.errors.ShapeError, match=r"images \(N, 28, 28, 1\) with N from 1 to 4, got"):
        plan.predict(np.zeros(shape, np.float32))


def test_lenet5_runs_as_five_stages_without_a_change_of_layout():
    stages = join(fovea.models.lenet5()).stages
    assert [[layer.name for layer in stage.layers] for stage in stages] == [
        ["conv1", "relu1", "pool1"], ["conv2", "relu2", "pool2"],
        ["dense1", "relu3"], ["dense2", "relu4"], ["dense3"],
    ]  # fmt: skip
    assert {stage.lanes for stage in stages} == {tiles.vector()}


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_any_network_agrees_with_the_reference(data):
    """Rows of layers drawn at random, as long as they fit."""
    size = data.draw(st.tuples(st.integers(5, 14), st.integers(5, 14), st.sampled_from([1, 2, 3, 17])))
    chosen, shape = [], size
    for _ in range(data.draw(st.integers(1, 5))):
        layer = data.draw(st.sampled_from([conv, L.ReLU, pool, average]))
        layer = layer(data, shape) if layer is not L.ReLU else L.ReLU()
        chosen.append(layer)
        shape = layer.output_shape(shape)
    network = fovea.Network([*chosen, L.Flatten(), L.Dense(3)], size, seed=data.draw(st.integers(0, 9)))
    images, labels = batch(network, data.draw(st.integers(1, 20)))
    plan = Plan(network, 20, training=True)
    Z, loss, _, gradients = exact(network)(images, labels)
    assert np.abs(plan.predict(images) - Z).max() <= WINOGRAD_FORWARD * max(np.abs(Z).max(), 1e-2)
    assert plan.loss_and_gradients(images, labels)[0] == pytest.approx(loss, rel=1e-4, abs=1e-5)
    scale = max(np.abs(gradients).max(), 1e-2)
    assert np.abs(plan.gradients - gradients).max() <= WINOGRAD_GRADIENT * scale


def conv(data, shape):
    f = data.draw(st.tuples(*(st.integers(1, min(4, n)) for n in shape[:2])))
    most = [3 if n == 1 else (size - 1) // (n - 1) for n, size in zip(f, shape[:2], strict=True)]
    groups = data.draw(st.sampled_from([1, 1, shape[2]]))
    filters = data.draw(st.sampled_from([1, 3, 6, 16, 17, 32] if groups == 1 else [groups, 2 * groups]))
    return L.Conv2D(
        filters, f, data.draw(st.integers(1, 2)), data.draw(st.sampled_from(["valid", "same", 1])),
        bias=data.draw(st.booleans()), dilation=data.draw(st.integers(1, min(2, *most))), groups=groups,
    )  # fmt: skip


def pool(data, shape):
    f = data.draw(st.tuples(*(st.integers(1, min(3, n)) for n in shape[:2])))
    return L.MaxPool2D(f, data.draw(st.sampled_from([None, 1, 2])))


def average(data, shape):
    f = data.draw(st.tuples(*(st.integers(1, min(3, n)) for n in shape[:2])))
    return L.AveragePool2D(f, data.draw(st.sampled_from([None, 1, 2])), "same")


@pytest.mark.parametrize("name", [*NETWORKS, *WIDE])
def test_few_pictures_give_the_same_bits_as_many(name):
    """A plan for few pictures lays them out otherwise; no sum changes its order."""
    network = (NETWORKS | WIDE)[name]()
    images, _ = batch(network, 40)
    together = Plan(network, 40).predict(images)
    for count in (1, 2, 4):
        assert np.array_equal(Plan(network, count).predict(images[:count]), together[:count])


# Their constant weights take no line of stages and kernels that those of the other networks do not take.
ALIKE = {
    "lenet5", "course", "few channels, odd sizes", "many channels", "from few to many and back",
    "pools of every kind", "pools of one pixel", "activations by themselves", "layers of one's own",
    "residual blocks", "ends without dense", "ends with many channels", "wide pictures of few channels",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in [*NETWORKS, *WIDE] if name not in ALIKE])
def test_constant_weights_give_the_same_bits(name):
    """What kernels make of them is made once, before the first batch."""
    network = (NETWORKS | WIDE)[name]()
    images, _ = batch(network, 20)
    expected, constant = Plan(network, 20).predict(images), network.constant()
    network.memory[...] = np.nan  # the copy has its own
    for count in (20, 2):
        assert np.array_equal(Plan(constant, count).predict(images[:count]), expected[:count])


def test_constant_weights_do_not_learn():
    with pytest.raises(ShapeError, match=r"^plan: expected a network that can learn, got a constant one"):
        Plan(fovea.models.lenet5().constant(), 2, training=True)


def test_frozen_convolutions_of_few_pictures_are_computed_one_by_one():
    mirrored = {"padding_mode": "mirror"}
    layers = {
        "conv1": L.Conv2D(6, 5, padding=2, **mirrored), "norm1": L.InstanceNorm(), "relu1": L.ReLU(),
        "up": L.Upsample2D(2), "conv2": L.Conv2D(3, 3, padding=1, **mirrored), "norm2": L.InstanceNorm(),
        "gelu": L.GELU(), "conv3": L.Conv2D(4, 3), "norm3": L.InstanceNorm(), "sigmoid": L.Sigmoid(),
        "learns": L.Conv2D(2, 3),
    }  # fmt: skip
    network = fovea.Network(layers, (9, 11, 3), 5)
    for layer in network.layers:
        layer.frozen = layer.name in ("conv1", "conv2", "conv3")
    rng = np.random.default_rng(1)
    images, targets = (rng.normal(size=(2, *shape)).astype(np.float32) for shape in ((9, 11, 3), (14, 18, 2)))
    plan, exact = (
        Plan(network, 2, training=True, loss=MeanSquaredError()),
        Layerwise(network, MeanSquaredError()),
    )
    stages = {"+".join(layer.name for layer in part.stage.layers): part.stage.lanes for part in plan.parts}
    assert [stages[name] for name in ("conv1", "conv2", "conv3")] == [1, 1, 1]
    assert stages["learns"] == tiles.vector()
    assert {"norm1+relu1", "norm2", "norm3+sigmoid"} < set(stages)
    loss, _ = plan.loss_and_gradients(images, targets)
    with fovea.engine("reference"):
        expected, _ = exact.loss_and_gradients(images, targets)
    assert loss == pytest.approx(expected, rel=FORWARD)
    assert_close(plan.gradients, exact.gradients, GRADIENT)
    for name, gradient in plan.gradient_views.items():
        assert gradient.any() != name.startswith(("conv1", "conv2", "conv3")), name


def test_parts_show_each_stages_passes():
    plan = Plan(fovea.models.lenet5(), 2, training=True)
    learning = [part for part in plan.parts if any(layer.parameters for layer in part.stage.layers)]
    first, *others = [set(part.passes) for part in learning]
    assert first == {"forward", "dW"}  # nobody asks for the pictures' gradient
    assert all(passes == {"forward", "dW", "dA"} for passes in others)

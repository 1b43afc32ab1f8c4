"""The gradient of a loss by the pictures, through networks that do not learn."""

import numpy as np
import pytest

import fovea
from fovea import layers as L
from fovea.errors import ShapeError
from fovea.kernels import runtime
from fovea.losses import CrossEntropy, MeanSquaredError
from fovea.network.runner import Layerwise, plan
from fovea.stages import Plan
from tests.cases import FORWARD, GRADIENT, WINOGRAD_GRADIENT, assert_close, halide

NETWORKS = {
    "as VGG": lambda: fovea.Network(
        {
            "conv1": L.Conv2D(16, 3, padding=1), "relu1": L.ReLU(), "conv2": L.Conv2D(32, 3, padding=1),
            "relu2": L.ReLU(), "pool": L.MaxPool2D(2), "conv3": L.Conv2D(40, 3, padding=1),
            "relu3": L.ReLU(), "conv4": L.Conv2D(32, 3, padding=1), "relu4": L.ReLU(),
        },
        (22, 19, 3),
        outputs=("relu1", "relu3", "relu4"),
    ),
    "as SqueezeNet": lambda: fovea.Network(
        {
            "conv": L.Conv2D(16, 3, 2), "relu": L.ReLU(), "pool": L.MaxPool2D(3, 2, ceil_mode=True),
            "one": L.Conv2D(16, 1), "relu_one": L.ReLU(),
            "three": (L.Conv2D(16, 3, padding=1), "pool"), "relu_three": L.ReLU(),
            "both": (L.Concat(), "relu_one", "relu_three"),
        },
        (23, 20, 3),
        outputs=("relu", "both"),
    ),
    "with statistics, shortcuts and draws": lambda: fovea.Network(
        {
            "conv": L.Conv2D(16, 3, padding=1), "norm": L.BatchNorm(), "first": L.ReLU(),
            "drop": L.Dropout(0.5), "conv2": L.Conv2D(16, 3, padding=1), "norm2": L.BatchNorm(),
            "sum": (L.Add(), "norm2", "first"), "relu": L.ReLU(), "up": L.Upsample2D(2),
            "tanh": L.Tanh(), "affine": L.Affine(),
        },
        (9, 8, 3),
        precision="exact",
        outputs=("first", "affine"),
    ),
}  # fmt: skip


def case(name, count=1):
    network = NETWORKS[name]()
    rng = np.random.default_rng(3)
    for key, statistic in network.statistics.items():
        statistic[...] = rng.uniform(0.5, 1.5, statistic.shape) - key.endswith("mean")
    images = rng.normal(size=(count, *network.input_shape)).astype(np.float32)
    shapes = network.output_shape.items()
    targets = {out: rng.normal(size=(count, *shape)).astype(np.float32) for out, shape in shapes}
    return network.constant(), images, targets


@halide
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("size", "count"), [(1, 1), (3, 2), (9, 9)])
def test_a_plan_computes_what_the_layers_compute_one_by_one(name, size, count):
    network, images, targets = case(name, count)
    with fovea.engine("reference"):
        expected = plan(network, size, by_input=True, loss=MeanSquaredError())
        assert isinstance(expected, Layerwise)
        loss, dX = expected.loss_and_input_gradient(images, targets)
    ours = plan(network, size, by_input=True, loss=MeanSquaredError())
    assert isinstance(ours, Plan)
    for _ in range(2):  # nothing is left over from the first time
        got, gradient = ours.loss_and_input_gradient(images, targets)
        assert got == pytest.approx(loss, rel=FORWARD)
        assert gradient.shape == images.shape
        assert_close(gradient, dX, WINOGRAD_GRADIENT if network.precision == "fast" else GRADIENT)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_slope_of_the_loss(name):
    network, images, targets = case(name)
    with fovea.engine("reference"):
        layers = plan(network, 1, by_input=True, loss=MeanSquaredError())
        images, targets = images.astype(np.float64), {k: T.astype(np.float64) for k, T in targets.items()}
        _, dX = layers.loss_and_input_gradient(images, targets)
        direction, h = np.random.default_rng(0).normal(size=images.shape), 1e-7
        ends = [layers.loss_and_input_gradient(images + s * h * direction, targets)[0] for s in (1, -1)]
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx((dX * direction).sum(), rel=1e-4)


@halide
def test_no_gradient_of_a_weight_is_computed_and_filters_are_transformed_once():
    network, _, _ = case("as VGG")
    ours = Plan(network, 1, by_input=True, loss=MeanSquaredError())
    assert ours.gradients.size == 0
    assert {name for part in ours.parts for name in part.backward} == {"dA"}
    assert all(part.gradients is not None for part in ours.parts)
    calls = [call for part in ours.parts for steps in part.passes.values() for call in steps]
    winograd = [call for call in calls if call.choice is not None and call.choice.is_winograd]
    assert {call.choice.operation for call in winograd} == {"winograd.forward", "winograd.inputs"}
    for call in winograd:  # those of few tiles do so where they use them
        once = ("prepacked", True) in call.specification.arguments
        assert once or (call.choice.tile.on_the_fly and call.choice.operation == "winograd.inputs")
    assert len({call.choice.tile.on_the_fly for call in winograd}) == 2


@halide
def test_the_number_of_threads_changes_no_bit():
    network, images, targets = case("as VGG")
    ours = Plan(network, 1, by_input=True, loss=MeanSquaredError())
    loss, dX = ours.loss_and_input_gradient(images, targets)
    runtime.set_threads(1)
    try:
        alone, same = ours.loss_and_input_gradient(images, targets)
    finally:
        runtime.set_threads(None)
    assert alone == loss
    assert np.array_equal(same, dX)


@halide
def test_the_loss_of_a_classifier_has_one_too():
    network = fovea.models.lenet5().constant()
    images, labels = np.random.default_rng(0).random((3, 28, 28, 1), np.float32), np.array([1, 7, 4])
    ours = Plan(network, 3, by_input=True, loss=CrossEntropy())
    loss, dX = ours.loss_and_input_gradient(images, labels)
    with fovea.engine("reference"):
        layers = plan(network, 3, by_input=True, loss=CrossEntropy())
        expected, gradient = layers.loss_and_input_gradient(images, labels)
    assert loss == pytest.approx(expected, rel=FORWARD)
    assert_close(dX, gradient, GRADIENT)


@halide
def test_it_needs_a_constant_network_and_a_plan_made_for_it():
    network = fovea.models.lenet5()
    with pytest.raises(ShapeError, match=r"^plan: by_input: expected a constant network, got one that can"):
        Plan(network, 1, by_input=True)
    ours, images = Plan(network, 1), np.zeros((1, 28, 28, 1), np.float32)
    with pytest.raises(ShapeError, match=r"^loss_and_input_gradient: expected a plan with by_input, got one"):
        ours.loss_and_input_gradient(images, np.array([0]))

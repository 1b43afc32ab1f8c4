"""Fovea's side of whole networks: a training step, a prediction; and whether PyTorch agrees with both."""

import itertools
from collections.abc import Sequence

import numpy as np

import fovea
from benchmarks.turns import Run
from fovea.optimizers import SGD
from fovea.stages import Plan

RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4

Batch = tuple[np.ndarray, np.ndarray]  # pictures (N, H, W, C), uint8 or float32, and labels (N,)
Batches = Sequence[Batch]


def trainer(network: fovea.Network, data: Batches) -> Run:
    """A function that takes one training step."""
    plan = Plan(network, len(data[0][1]), training=True)
    optimizer, source = SGD(momentum=MOMENTUM, weight_decay=DECAY), itertools.cycle(data)

    def step() -> None:
        plan.loss_and_gradients(*next(source))
        optimizer.step({"all": network.flat}, {"all": plan.gradients}, RATE)

    return step


def predictor(network: fovea.Network, data: Batches) -> Run:
    """A function that gives one batch's logits."""
    plan, source = Plan(network, len(data[0][1])), itertools.cycle(images for images, _ in data)
    return lambda: plan.predict(next(source))


def check_step(network: fovea.Network, batch: Batch) -> None:
    """Loss and gradients agree with PyTorch's: to 1e-5 of the loss, and to 1e-4 of a gradient's largest
    number by direct sums. What is timed may run Winograd's algorithm, whose rounding lets some window of a
    million, with two numbers that all but tie, send its gradient the other way: 5e-3."""
    from benchmarks import torch_twin  # where Fovea's memory is measured, PyTorch stays away

    theirs, gradients = torch_twin.loss_and_gradients(network, batch)
    asked = network.precision
    for precision, bound in (("exact", 1e-4), (asked, 1e-4 if asked == "exact" else 5e-3)):
        network.precision = precision
        plan = Plan(network, len(batch[1]), training=True)
        loss, _ = plan.loss_and_gradients(*batch)
        assert abs(loss - theirs) <= 1e-5 * abs(theirs), (loss, theirs)
        for name, gradient in gradients.items():
            error = _error(plan.gradient_views[name], gradient)
            assert error <= bound, (name, precision, error)


def check_prediction(network: fovea.Network, batch: Batch) -> None:
    """The logits agree with PyTorch's to 1e-4 of the largest."""
    from benchmarks import torch_twin

    error = _error(Plan(network, len(batch[1])).predict(batch[0]), torch_twin.logits(network, batch[0]))
    assert error <= 1e-4, error


def _error(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())

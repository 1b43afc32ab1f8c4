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
    """Loss and gradients agree with PyTorch's, where all start from the same weights and statistics.

    By direct sums each gradient does to 1e-3 of its largest number, the loss to 1e-5. What is timed may run
    Winograd's algorithm: its rounding lets some of many windows with two numbers that all but tie, and some
    ReLU at its bend, send a gradient the other way. All gradients together are then held to 5% of their norm.
    """
    from benchmarks import torch_twin  # where Fovea's memory is measured, PyTorch stays away

    theirs, gradients = torch_twin.loss_and_gradients(network, batch)
    asked, statistics = network.precision, network.flat_statistics.copy()
    for precision in ("exact", asked):
        network.precision = precision
        plan = Plan(network, len(batch[1]), training=True)
        loss, _ = plan.loss_and_gradients(*batch)
        network.flat_statistics[...] = statistics
        assert abs(loss - theirs) <= 1e-5 * abs(theirs), (loss, theirs)
        own = {name: plan.gradient_views[name] for name in gradients}
        if precision == "exact":
            for name, gradient in gradients.items():
                assert _error(own[name], gradient) <= 1e-3, (name, _error(own[name], gradient))
        apart = sum(float(((own[name] - gradient) ** 2).sum()) for name, gradient in gradients.items())
        norm = sum(float((gradient**2).sum()) for gradient in gradients.values())
        assert apart <= (5e-2) ** 2 * norm, (precision, (apart / norm) ** 0.5)


def check_prediction(network: fovea.Network, batch: Batch) -> None:
    """The logits agree with PyTorch's to 1e-4 of the largest."""
    from benchmarks import torch_twin

    error = _error(Plan(network, len(batch[1])).predict(batch[0]), torch_twin.logits(network, batch[0]))
    assert error <= 1e-4, error


def _error(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())

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
    rng = np.random.default_rng(0)  # of which no layer takes anything that counts
    optimizer, source = SGD(momentum=MOMENTUM, weight_decay=DECAY), itertools.cycle(data)

    def step() -> None:
        plan.loss_and_gradients(*next(source), rng=rng)
        optimizer.step({"all": network.flat}, {"all": plan.gradients}, RATE)

    return step


def predictor(network: fovea.Network, data: Batches) -> Run:
    """A function that gives one batch's logits; as a session of other programs, of weights that stay."""
    plan, source = Plan(network.constant(), len(data[0][1])), itertools.cycle(images for images, _ in data)
    return lambda: plan.predict(next(source))


def check_step(network: fovea.Network, batch: Batch) -> None:
    """Loss and gradients agree with PyTorch's, where both start from the same weights and statistics.

    The loss does to 1e-5. A deep network's gradients in float32 are up to 1e-2 of their norm from those in
    float64, PyTorch's own too: now and then a ReLU at its bend, or a window with two numbers that all but
    tie, sends a gradient the other way. So all gradients together are held to 2e-2 of their norm, or 5e-2
    with Winograd's algorithm, and each to ten times that. A wrong one is off by its whole norm.
    """
    from benchmarks import torch_twin  # where Fovea's memory is measured, PyTorch stays away

    theirs, gradients = torch_twin.loss_and_gradients(network, batch)
    asked, statistics = network.precision, network.flat_statistics.copy()
    for precision in ("exact", asked):
        network.precision = precision
        plan = Plan(network, len(batch[1]), training=True)
        loss, _ = plan.loss_and_gradients(*batch, rng=np.random.default_rng(0))
        network.flat_statistics[...] = statistics
        assert abs(loss - theirs) <= 1e-5 * abs(theirs), (loss, theirs)
        norms = {name: float(np.linalg.norm(gradient)) for name, gradient in gradients.items()}
        apart = {name: float(np.linalg.norm(plan.gradient_views[name] - g)) for name, g in gradients.items()}
        together = float(np.linalg.norm([*apart.values()]) / np.linalg.norm([*norms.values()]))
        bound = 2e-2 if precision == "exact" else 5e-2
        assert together <= bound, (precision, together)
        floor = 1e-3 * max(norms.values())  # a shift before batch normalisation has no gradient but rounding
        for name, norm in norms.items():
            assert apart[name] <= 10 * bound * max(norm, floor), (precision, name, apart[name] / norm)


def check_prediction(network: fovea.Network, batch: Batch) -> None:
    """The logits agree with PyTorch's to 1e-4 of the largest."""
    from benchmarks import torch_twin

    error = largest_error(
        Plan(network, len(batch[1])).predict(batch[0]), torch_twin.logits(network, batch[0])
    )
    assert error <= 1e-4, error


def largest_error(got: np.ndarray, expected: np.ndarray) -> float:
    """As a share of the largest number that is expected."""
    return float(np.abs(got - expected).max() / np.abs(expected).max())

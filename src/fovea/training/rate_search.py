"""The search for a learning rate: short trainings from the same weights, on the same batches, by rate.

The search starts at the recipe's rate η and tries η·f, η·f², … while the loss falls, then η/f, η/f², …:

    loss(η) = the mean loss of the last quarter of T steps, with the recipe's schedule over T steps       (1)

A training that diverges has an infinite loss. The schedule ends each training with small steps, as in a long
one. Without it, the noise of large steps would favour rates that are too small: Y. Wu et al.: Understanding
short-horizon bias in stochastic meta-optimization, 2018. A single training whose rate rises until the loss
diverges (L. Smith, 2017) needs fewer steps, but its loss falls first because random logits shrink, which
happens at any rate.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count, islice
from math import inf, isfinite
from typing import Any

import numpy as np

from fovea.data import Splits
from fovea.errors import TrainingError, mismatch
from fovea.network import Network, runner
from fovea.network.runner import Plan
from fovea.optimizers import clip
from fovea.seeds import Draw, generator
from fovea.training import layer_rates
from fovea.training.average import Snapshot
from fovea.training.recipe import Recipe
from fovea.training.setup import Setup
from fovea.training.step import check_first
from fovea.training.task import Task

LOW, HIGH, STEPS = 1e-5, 10.0, 60
FACTOR = 10**0.5  # f, between neighbouring rates
FEWEST = 3  # trainings: the first one and its neighbours
LAST = 4  # the loss is a mean over the last 1/LAST of the steps


@dataclass(frozen=True)
class RateSearch:
    """The learning rates that were tried, in rising order, and the loss (1) of each, infinity where the
    training diverged."""

    rates: list[float]
    losses: list[float]

    @property
    def best(self) -> float:
        """The rate with the lowest loss."""
        return self.rates[int(np.argmin(self.losses))]


def find_rate(
    network: Network,
    data: Splits,
    recipe: Recipe | None = None,
    *,
    task: Task,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> RateSearch:
    """Try learning rates from `low` to `high` around the one of `recipe`, in trainings of `steps` steps for
    `task`, after its fit if it has one; the network is unchanged afterwards.

    `progress(done, total)` counts steps; the total rises while better rates are found. Raises FoveaError if
    network and data do not fit, TrainingError for rates that do not rise or if each training diverges, and
    DataError if the first step gives NaN or infinity.
    """
    recipe = replace(recipe or Recipe())  # with a fresh optimizer
    return search(Setup(network, data, recipe, task), low=low, high=high, steps=steps, progress=progress)


def search(
    setup: Setup,
    *,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> RateSearch:
    """`find_rate`, for a setup that has been checked."""
    if not (0 < low < high < inf and steps >= 2):
        got = f"{low:g} to {high:g}, {steps} steps"
        raise TrainingError(mismatch("find_rate", "rates above 0 that rise, and at least 2 steps", got))
    setup.adopt(measure=True)
    before = begun = Snapshot(setup.network)
    layer_rates.freeze(setup.network, setup.factors)
    losses: dict[float, float] = {}
    try:
        if setup.task.fits:
            setup.task.fit(setup, lambda what, done, total: None)
            begun = Snapshot(setup.network)
        plan = runner.plan(setup.network, setup.recipe.batch_size, training=True, loss=setup.loss)

        def loss(rate: float) -> tuple[float, float]:
            """The loss, and the rate: among equal losses, the lower rate is better."""
            if rate not in losses:
                begun.restore()
                done, total = len(losses) * steps, max(len(losses) + 1, FEWEST) * steps
                losses[rate] = _loss(plan, setup, rate, steps, lambda step: progress(done + step, total))
            return losses[rate], rate

        best = start = _rounded(min(max(setup.recipe.rate, low), high))
        for factor in (FACTOR, 1 / FACTOR):
            rate = start
            while low <= (rate := _rounded(rate * factor)) <= high and loss(rate) < loss(best):
                best = rate
            if best != start:
                break
        lowest, _ = loss(best)
    finally:
        layer_rates.freeze(setup.network, {})
        before.restore()
    if not isfinite(lowest):
        got = f"none from {min(losses):g} to {max(losses):g}"
        raise TrainingError(mismatch("find_rate", "a rate at which the loss stays finite", got))
    return RateSearch(sorted(losses), [losses[rate] for rate in sorted(losses)])


def _rounded(rate: float) -> float:
    """To two digits, as it is recommended."""
    return float(f"{rate:.1e}")


def _loss(plan: Plan, setup: Setup, rate: float, steps: int, progress: Callable[[int], object]) -> float:
    """The loss (1) at a peak rate of `rate`."""
    network, recipe = setup.network, setup.recipe
    optimizer, losses = replace(recipe.optimizer), []
    learned = layer_rates.learned(network, setup.factors)
    parameters = {name: network.flat[where] for name, (where, _) in learned.items()}
    gradients = {name: plan.gradients[where] for name, (where, _) in learned.items()}
    factors = {name: factor for name, (_, factor) in learned.items()}
    with closing(_endless(setup)) as stream:
        for step, (images, targets) in enumerate(islice(stream, steps)):
            rng = generator(recipe.seed, Draw.RATE_SEARCH, step)
            loss, _ = plan.loss_and_gradients(images, targets, rng=rng)
            if step == 0:
                rng = generator(recipe.seed, Draw.RATE_SEARCH, step)
                check_first(network, loss, gradients, images, rng)
            if not isfinite(loss):
                return inf
            losses.append(loss)
            if recipe.clip:
                clip(plan.gradients, recipe.clip)
            optimizer.step(parameters, gradients, rate * recipe.course(step, steps), factors)
            progress(step + 1)
    return float(np.mean(losses[-max(steps // LAST, 1) :]))  # (1)


def _endless(setup: Setup) -> Generator[tuple[np.ndarray, Any], None, None]:
    """Batches, epoch after epoch."""
    for epoch in count(1):
        with closing(setup.batches(epoch)) as stream:
            yield from stream

"""The search for a learning rate: a short training whose rate rises from step to step.

    η_t = low · (high/low)^(t/(T − 1)),   s_t = Σ_k β^(t−k)·L_k / Σ_k β^(t−k)                             (1)

While η is small the loss L hardly changes; then it falls; finally η is too large, the loss diverges, and the
search ends. The result is the rate where the smoothed loss s was half-way down, but at most a tenth of the
rate where it was lowest: there the loss falls fast, and the rate is safe. L. Smith: Cyclical learning rates
for training neural networks, 2017; the smoothing and the tenth are fastai's.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from math import isfinite
from typing import Any

import numpy as np

from fovea.data import Splits
from fovea.errors import TrainingError, mismatch
from fovea.network import Network, runner
from fovea.network.runner import Plan
from fovea.optimizers import clip
from fovea.seeds import Draw, generator
from fovea.training.average import Snapshot
from fovea.training.recipe import Recipe
from fovea.training.setup import Setup
from fovea.training.step import check_first
from fovea.training.task import Task

LOW, HIGH, STEPS = 1e-5, 10.0, 120
SMOOTH = 0.9  # β
BEYOND = 4.0  # times the lowest smoothed loss: beyond, the search ends
PART = 0.1  # of the rate where the loss is lowest
FIRST = 10  # steps, whose median loss is the loss at the start


@dataclass(frozen=True)
class RateSearch:
    """The learning rate of each step, its loss, and the smoothed loss; `best` is the recommended rate."""

    rates: list[float]
    losses: list[float]
    smoothed: list[float]

    @property
    def best(self) -> float:
        """The rate where the smoothed loss was half-way down, but at most a tenth of the rate where it was
        lowest; rounded to two digits."""
        lowest = int(np.argmin(self.smoothed))
        half = (float(np.median(self.smoothed[:FIRST])) + self.smoothed[lowest]) / 2
        above = [rate for rate, loss in zip(self.rates[:lowest], self.smoothed, strict=False) if loss >= half]
        return float(f"{min([PART * self.rates[lowest], *above[-1:]]):.1e}")


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
    """Try rates from `low` to `high` in `steps` steps of a training by `recipe` and `task`; the network is
    unchanged afterwards.

    `progress(done, total)` counts steps. Raises FoveaError if network and data do not fit, TrainingError for
    rates that do not rise, and DataError if the first step gives NaN or infinity.
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
    if not (0 < low < high < float("inf") and steps >= 2):
        got = f"{low:g} to {high:g} in {steps} steps"
        raise TrainingError(mismatch("find_rate", "rates above 0 that rise, in at least 2 steps", got))
    setup.adopt(measure=True)
    before = Snapshot(setup.network)
    try:
        plan = runner.plan(setup.network, setup.recipe.batch_size, training=True, loss=setup.loss)
        rates = np.geomspace(low, high, steps).tolist()
        return _search(plan, setup, rates, progress)
    finally:
        before.restore()


def _search(
    plan: Plan, setup: Setup, rates: list[float], progress: Callable[[int, int], object]
) -> RateSearch:
    network, recipe = setup.network, setup.recipe
    tried, losses, smoothed, total, weight = [], [], [], 0.0, 0.0
    with closing(_endless(setup)) as stream:
        for step, (rate, (images, targets)) in enumerate(zip(rates, stream, strict=False)):
            rng = generator(recipe.seed, Draw.RATE_SEARCH, step)
            loss, _ = plan.loss_and_gradients(images, targets, rng=rng)
            if step == 0:
                rng = generator(recipe.seed, Draw.RATE_SEARCH, step)
                check_first(network, loss, {"all": plan.gradients}, images, rng)
            total, weight = SMOOTH * total + loss, SMOOTH * weight + 1
            smooth = total / weight  # (1)
            if not isfinite(smooth) or (smoothed and smooth > BEYOND * min(smoothed)):
                break
            tried, losses, smoothed = [*tried, rate], [*losses, loss], [*smoothed, smooth]
            if recipe.clip:
                clip(plan.gradients, recipe.clip)
            recipe.optimizer.step({"all": network.flat}, {"all": plan.gradients}, rate)
            progress(step + 1, len(rates))
    return RateSearch(tried, losses, smoothed)


def _endless(setup: Setup) -> Generator[tuple[np.ndarray, Any], None, None]:
    """Batches, epoch after epoch."""
    for epoch in count(1):
        with closing(setup.batches(epoch)) as stream:
            yield from stream

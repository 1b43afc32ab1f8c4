"""A step: clipping, the optimizer, and the average of weights, once the gradients are there."""

from collections.abc import Mapping
from math import isfinite

import numpy as np

from fovea.errors import TrainingError, mismatch
from fovea.layers import Dropout, Layer
from fovea.network import Network
from fovea.optimizers import clip
from fovea.training import layer_rates
from fovea.training.average import Average
from fovea.training.position import Position
from fovea.training.recipe import Recipe
from fovea.training.runner import Plan

_DROPOUT = 2  # what the layers draw for; 0, 1 and 3 belong to the batches and the splits


class Step:
    """Changes `network` by the gradients of its `plan`, as `recipe` says; `average` follows it.

    `total` is the number of steps in the whole training: it sets the course of the learning rate, which
    `factors` multiply for each layer (`fovea.training.layer_rates`). All parameters are one array to the
    optimizer, unless these differ.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        recipe: Recipe,
        average: Average | None,
        total: int,
        factors: Mapping[str, float],
    ) -> None:
        self.plan, self.recipe, self.average, self.total = plan, recipe, average, total
        self.course = recipe.course
        found = layer_rates.learned(network, factors)
        self.parameters = {name: network.flat[where] for name, (where, _) in found.items()}
        self.gradients = {name: plan.gradients[where] for name, (where, _) in found.items()}
        alike = all(factor == 1 for factor in factors.values())
        self.factors = None if alike else {name: factor for name, (_, factor) in found.items()}
        self.draws = any(map(_draws, network.layers))

    def rng(self, at: Position) -> np.random.Generator | None:
        """The random numbers of the layers in the next step, where any of them draws."""
        return np.random.default_rng([self.recipe.seed, _DROPOUT, at.epoch, at.step]) if self.draws else None

    def __call__(self, loss: float, at: Position) -> None:
        """Change the network by the plan's gradients. TrainingError where the `loss` is no number."""
        recipe, optimizer = self.recipe, self.recipe.optimizer
        if not isfinite(loss):
            raise diverged("loss", loss, at.epoch, at.step + 1, recipe.rate)
        if recipe.clip:
            clip(self.plan.gradients, recipe.clip)
        rate = recipe.rate * self.course(optimizer.steps, self.total)
        optimizer.step(self.parameters, self.gradients, rate, self.factors)
        if self.average:
            self.average.follow(optimizer.steps)


def diverged(what: str, got: object, epoch: int, step: int, learning_rate: float) -> TrainingError:
    remedy = f"try a lower --learning-rate than {learning_rate:g}; the last saved epoch is kept"
    return TrainingError(
        mismatch(f"training: {what} in epoch {epoch}, step {step}", "finite numbers", got, remedy)
    )


def _draws(layer: Layer) -> bool:
    """Whether a layer may want random numbers: making a generator for nothing takes a fiftieth of a step."""
    return isinstance(layer, Dropout) or not type(layer).__module__.startswith("fovea.")

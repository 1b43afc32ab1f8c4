"""A step: clipping, the optimizer, and the average of weights, once the gradients are there."""

from collections.abc import Mapping
from math import isfinite

import numpy as np

from fovea.errors import TrainingError, mismatch
from fovea.network import Network
from fovea.network.runner import Plan
from fovea.network.soundness import check_batch
from fovea.optimizers import clip
from fovea.seeds import Draw, generator
from fovea.training import layer_rates
from fovea.training.average import Average
from fovea.training.position import Position
from fovea.training.recipe import Recipe


class Step:
    """Changes `network` by the gradients of its `plan`, as `recipe` says; `average` follows it.

    `total` is the number of steps in the whole training: it sets the course of the learning rate, which
    `factors` multiply for each layer (`fovea.training.layer_rates`). All parameters are one array to the
    optimizer, unless these differ. `saves` says whether epochs are saved.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        recipe: Recipe,
        average: Average | None,
        total: int,
        factors: Mapping[str, float],
        saves: bool,
    ) -> None:
        self.network, self.plan, self.recipe = network, plan, recipe
        self.average, self.total, self.saves = average, total, saves
        self.course = recipe.course
        found = layer_rates.learned(network, factors)
        self.parameters = {name: network.flat[where] for name, (where, _) in found.items()}
        self.gradients = {name: plan.gradients[where] for name, (where, _) in found.items()}
        alike = all(factor == 1 for factor in factors.values())
        self.factors = None if alike else {name: factor for name, (_, factor) in found.items()}
        self.draws = any(layer.draws for layer in network.layers)  # a generator takes a fiftieth of a step

    def rng(self, at: Position) -> np.random.Generator | None:
        """The random numbers of the layers in the next step, where any of them draws."""
        return generator(self.recipe.seed, Draw.LAYERS, at.epoch, at.step) if self.draws else None

    def __call__(self, loss: float, images: np.ndarray, at: Position) -> None:
        """Change the network by the plan's gradients of `images`. DataError or TrainingError where the
        first step gives no numbers, TrainingError where the `loss` is none later."""
        recipe, optimizer = self.recipe, self.recipe.optimizer
        if optimizer.steps == 0:
            check_first(self.network, loss, self.gradients, images, self.rng(at))
        if not isfinite(loss):
            raise diverged("loss", loss, at, at.step + 1, recipe.rate, self.saves)
        if recipe.clip:
            clip(self.plan.gradients, recipe.clip)
        rate = recipe.rate * self.course(optimizer.steps, self.total)
        optimizer.step(self.parameters, self.gradients, rate, self.factors)
        if self.average:
            self.average.update(optimizer.steps)


def check_first(
    network: Network,
    loss: float,
    gradients: Mapping[str, np.ndarray],
    images: np.ndarray,
    rng: np.random.Generator | None,
) -> None:
    """Raise an error where the first step of a training gives no numbers, as no learning rate is to blame:
    DataError, which names the first layer that gives none to `images`, TrainingError where all layers do."""
    if isfinite(loss) and all(np.isfinite(own).all() for own in gradients.values()):
        return
    check_batch(network, images, "the first step", training=True, rng=rng)
    what, got = ("gradients", "others") if isfinite(loss) else ("loss", loss)
    remedy = "the weights that it begins with are too large, or the loss is wrong"
    raise TrainingError(mismatch(f"training: {what} in epoch 1, step 1", "finite numbers", got, remedy))


def diverged(
    what: str, got: object, at: Position, step: int, learning_rate: float, saves: bool
) -> TrainingError:
    """`saves`: whether epochs are saved."""
    remedy = f"try a lower --learning-rate than {learning_rate:g}"
    remedy += "; the last saved epoch is kept" if saves and at.history else ""
    return TrainingError(
        mismatch(f"training: {what} in epoch {at.epoch}, step {step}", "finite numbers", got, remedy)
    )

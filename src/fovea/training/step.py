"""The update of a step: clipping, the optimizer, and the average of weights."""

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
    """Updates `network`, by the gradients of its `plan` and the `recipe`, and `average`, if there is one.

    `total` is the number of steps in the whole training, for the schedule of the learning rate. `factors`
    multiply the rate for each layer (`fovea.training.layer_rates`); unless they differ, the optimizer updates
    all parameters as one array. `saves` is True if epochs are saved.
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

    def rng(self, position: Position) -> np.random.Generator | None:
        """The random numbers for the layers in the next step, if any of them draws."""
        return generator(self.recipe.seed, Draw.LAYERS, position.epoch, position.step) if self.draws else None

    def __call__(self, loss: float, images: np.ndarray, position: Position) -> None:
        """Update the network by the plan's gradients for `images`. Raises DataError or TrainingError if the
        first step gives NaN or infinity, TrainingError if a later `loss` does."""
        recipe, optimizer = self.recipe, self.recipe.optimizer
        if optimizer.steps == 0:
            check_first(self.network, loss, self.gradients, images, self.rng(position))
        if not isfinite(loss):
            raise diverged("loss", loss, position, position.step + 1, recipe.rate, self.saves)
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
    """Raise an error if the first step of a training gives NaN or infinity, for which the learning rate is
    not to blame: DataError, which names the first such layer, or TrainingError if there is none."""
    if isfinite(loss) and all(np.isfinite(gradient).all() for gradient in gradients.values()):
        return
    check_batch(network, images, "the first step", training=True, rng=rng)
    what, got = ("gradients", "others") if isfinite(loss) else ("loss", loss)
    remedy = "the weights that it begins with are too large, or the loss is wrong"
    raise TrainingError(mismatch(f"training: {what} in epoch 1, step 1", "finite numbers", got, remedy))


def diverged(
    what: str, got: object, position: Position, step: int, learning_rate: float, saves: bool
) -> TrainingError:
    """The error for `what` that is not finite; `saves` is True if epochs are saved."""
    remedy = f"try a lower --learning-rate than {learning_rate:g}"
    remedy += "; the last saved epoch is kept" if saves and position.history else ""
    return TrainingError(
        mismatch(f"training: {what} in epoch {position.epoch}, step {step}", "finite numbers", got, remedy)
    )

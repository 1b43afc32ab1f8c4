"""All that a training needs, checked once: a network, its data, a recipe and a task."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeVar

import numpy as np

from fovea.data import Dataset, Splits, statistics
from fovea.data.batches import batches, steps
from fovea.errors import DataError, ShapeError, TrainingError, mismatch
from fovea.losses import Loss
from fovea.memory import machine_memory
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing
from fovea.ranges import gigabytes
from fovea.training import layer_rates, whitening
from fovea.training.recipe import NAMES, Recipe
from fovea.training.task import Task

AnyTask = TypeVar("AnyTask", bound=Task)


def chosen(recipe: Recipe, task: AnyTask, choices: Mapping[str, Any]) -> tuple[Recipe, AnyTask]:
    """Both with `choices`, each applied to the one that has a field of its name. Raises FoveaError for an
    invalid value, TypeError for a name that is a field of neither."""
    own = {name: choices[name] for name in task.names() if name in choices and name not in NAMES}
    rest = {name: value for name, value in choices.items() if name not in own}
    return replace(recipe, **rest), replace(task, **own)


def training_part(data: Splits) -> Dataset:
    """The training pictures. Raises DataError where there are none."""
    if data.train is None:
        raise DataError(mismatch(f"data {data.name}", "pictures to train with", "no train among its parts"))
    return data.train


@dataclass(frozen=True)
class Setup:
    """A network, data, a recipe and a task that fit together. Raises FoveaError where they do not.

    train: the training pictures. loss: the task's, for them. factors: of the learning rate, by layer.
    """

    network: Network
    data: Splits
    recipe: Recipe
    task: Task

    train: Dataset = field(init=False)
    loss: Loss = field(init=False)
    factors: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        network, recipe = self.network, self.recipe
        self.task.check_measures()
        object.__setattr__(self, "train", training_part(self.data))
        if network.input_shape != self.data.shape:
            remedy = "load the data in this size"
            raise ShapeError(mismatch("train: pictures", network.input_shape, self.data.shape, remedy))
        self.task.check(network, self.data)
        object.__setattr__(self, "loss", self.task.loss(self.train))
        smallest = len(self.train) % recipe.batch_size or recipe.batch_size  # the last of an epoch
        for layer, shapes in zip(network.layers, network.input_shapes, strict=True):
            layer.check_batch(smallest, shapes)
        check_memory(network, recipe.batch_size)
        factors = layer_rates.factors(network, recipe.freeze, recipe.layer_rates)
        object.__setattr__(self, "factors", factors)

    @property
    def steps(self) -> int:
        """The steps of an epoch."""
        return steps(self.train, self.recipe.batch_size)

    @property
    def total(self) -> int:
        """The steps of the whole training."""
        return (self.recipe.epochs - self.task.fits) * self.steps

    @property
    def sizes(self) -> dict[str, int]:
        """The number of parameters in each part that the optimizer updates."""
        learned = layer_rates.learned(self.network, self.factors)
        return {name: self.network.flat[where].size for name, (where, _) in learned.items()}

    def fits(self, epoch: int) -> bool:
        """True if this epoch is the task's fit, which has no steps."""
        return self.task.fits and epoch == 1

    def done(self, epoch: int, step: int) -> int:
        """The optimizer's steps before step `step` of `epoch`."""
        return max(epoch - 1 - self.task.fits, 0) * self.steps + step

    def batches(self, epoch: int, start: int = 0) -> Generator[tuple[np.ndarray, Any], None, None]:
        """The batches of an epoch from step `start` on."""
        recipe, task = self.recipe, self.task
        moved = task.moved(self.train, recipe.augment, (epoch - 1) / recipe.epochs)
        return batches(
            self.train, recipe.batch_size, seed=recipe.seed, epoch=epoch, start=start,
            augment=None if moved else recipe.augment, examples=moved or task.examples(self.train),
        )  # fmt: skip

    def adopt(self, measure: bool) -> None:
        """Let the task tell the network about the pictures. With `measure`, a network that has seen none yet
        also gets their mean and standard deviation, and its whitening filters."""
        network = self.network
        if measure and network.preprocessing == Preprocessing.none(network.input_shape[-1]):
            network.preprocessing = Preprocessing(*statistics(self.train))
            whitening.measure(network, self.train)
        self.task.adopt(network, self.train)


def check_memory(network: Network, batch_size: int) -> None:
    """Raise TrainingError where training in batches of this size cannot fit into memory.

    The least that it needs: weights, the best of them, gradients and velocities; and one in four of the
    layers' outputs, as several layers are often one stage.
    """
    own, most = 4 * network.memory.nbytes, machine_memory()
    size = own + batch_size * sum(map(prod, network.shapes))
    if size > most:
        what, remedy = f"batches of {batch_size:,} that fit", "a smaller batch size"
        if own > most:
            what, size, remedy = "parameters, gradients and copies that fit", own, "another model"
        expected, got = f"{what} into {gigabytes(most)} of memory", f"at least {gigabytes(size)}"
        remedy = f"choose {remedy}, or a smaller size of pictures"
        raise TrainingError(mismatch("train", expected, got, remedy))

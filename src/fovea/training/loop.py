"""The loop: batch → forward → loss → backward → step.

    run = fovea.train(network, fovea.data.load("digits"), epochs=3)

After every epoch the network is measured on the validation set. The best one there looks at the test set,
once, at the end. With a run folder, all that is needed to go on is on disk after each epoch, and after the
step in which somebody presses Ctrl-C; a run that goes on ends with the same bits as one that never stopped.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from fovea import engine, losses, metrics
from fovea.data import Dataset, Splits, statistics
from fovea.data.batches import batches
from fovea.data.batches import steps as steps_of
from fovea.errors import DataError, ShapeError, TrainingError, mismatch
from fovea.memory import machine_memory
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing
from fovea.ranges import gigabytes
from fovea.training import class_weights, layer_rates, runner, whitening
from fovea.training.average import Average
from fovea.training.evaluation import Answering, Mirrored, answers
from fovea.training.interrupts import Interrupt, Stopped
from fovea.training.live_status import Pulse
from fovea.training.position import Position, Row
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder, Run
from fovea.training.state import Keeper
from fovea.training.step import Step, diverged

_OTHER_CLASSES = "for other classes start from its weights: --weights, or fovea.models.adapted"


class Progress:
    """Hears how a training goes; these methods do nothing. `step` is called often and must be quick."""

    def note(self, text: str) -> None:
        """A line worth reading."""

    def compiling(self, done: int, total: int, what: str) -> None:
        """`done` of `total` kernels that were missing are compiled."""

    def begin(self, at: Position, epochs: int, steps: int) -> None:
        """Training starts at `at`; an epoch has `steps` steps."""

    def step(self, at: Position) -> None:
        """A step is done."""

    def epoch(self, at: Position) -> None:
        """An epoch is over, measured and saved: `at.history[-1]`."""

    def end(self) -> None:
        """Training is over, in whatever way."""


def train(
    network: Network,
    data: Splits,
    recipe: Recipe | None = None,
    *,
    out: Path | str | Folder | None = None,
    resume: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Run:
    """Train `network` in place; at the end it is what was best on the validation set.

    `recipe` says how, and `choices`, which are named as the fields of a `Recipe`, change it: so
    `train(network, data, epochs=3, average=0.999)`. A network without class names takes the data's, and
    their training pictures' mean and standard deviation. `out` is a run folder to write, made anew unless it
    is a `Folder`; `resume` is one to go on with, with all else as it was. `arguments` are more lines for its
    arguments.yaml. All random numbers come from the recipe's seed.

    Raises DataError or ShapeError where network and data do not fit, TrainingError where the loss is no
    longer a number or the run cannot be saved, and Stopped, a KeyboardInterrupt, after Ctrl-C.
    """
    recipe = replace(recipe or Recipe(), **choices)
    progress = progress or Progress()
    check_fit(network, data)
    weights = check_recipe(network, data, recipe)
    assert data.train is not None
    loss = losses.CrossEntropy(recipe.label_smoothing, weights)
    take_on(network, data.train, measure=not resume)

    folder = Folder.open(resume) if resume else out
    if folder is not None and not isinstance(folder, Folder):
        folder = Folder.create_at(folder)
    settings = {**recipe.settings(), "engine": engine.current()}
    average = Average(network, recipe.average) if recipe.average else None
    keeper = Keeper(folder, network, recipe.optimizer, settings, average)
    size, steps = recipe.batch_size, steps_of(data.train, recipe.batch_size)
    factors = layer_rates.factors(network, recipe.freeze, recipe.layer_rates)
    if resume:
        learned = layer_rates.learned(network, factors)
        sizes = {name: network.flat[where].size for name, (where, _) in learned.items()}
        at = keeper.restore(data, recipe.epochs, steps, sizes)
        if keeper.changed:
            n, first = len(keeper.changed), keeper.changed[0]
            progress.note(f"pictures whose content has changed since the run began: {n:,}, such as {first}")
    else:
        at = keeper.begin(data, {**(arguments or {}), **settings})
    layer_rates.hold(network, factors)
    try:
        plan = runner.plan(network, size, training=True, loss=loss, progress=progress.compiling)
        measured = Mirrored(plan) if recipe.flips else plan
        step = Step(network, plan, recipe, average, recipe.epochs * steps, factors)
        idle = sum(p.size for name, p in network.parameters.items() if not factors[name.partition(".")[0]])
        if idle:
            count = sum(p.size for p in network.parameters.values())
            progress.note(f"{idle:,} of {count:,} parameters are frozen")
        progress.begin(at, recipe.epochs, steps)
        pulse = Pulse(folder, network, at, steps)
        with Interrupt() as interrupt:
            while not recipe.is_over(at.epoch, at.waited):
                started = perf_counter() - at.seconds
                stream = batches(
                    data.train, size, seed=recipe.seed, epoch=at.epoch, start=at.step,
                    augment=recipe.augment, mixup=recipe.mixup,
                )  # fmt: skip
                with closing(stream):
                    for images, labels in stream:
                        step(images, labels, at)
                        progress.step(at)
                        pulse.step(at)
                        if interrupt.asked:
                            break
                at.seconds, at.bad = perf_counter() - started, data.bad
                with keeper.shown():
                    row = _measure(measured, data, at, size) if at.step == steps else None
                if not _is_sound(network, row):
                    raise diverged("weights", "others", at.epoch, at.step, recipe.rate)
                if row and at.close(row):
                    keeper.hold()
                keeper.save(at)
                if row:
                    progress.epoch(at)
                if interrupt.asked and not recipe.is_over(at.epoch, at.waited):
                    raise Stopped(_how_to_go_on(at, steps, folder))
        if at.epoch <= recipe.epochs:
            progress.note(f"stopped early: no improvement on val since epoch {at.best_epoch}")
    finally:
        layer_rates.hold(network, {})
        progress.end()

    keeper.use_best()
    name = next(name for name in ("test", "val", "train") if name in data.parts)
    logits, labels = answers(measured, data.parts[name], size)
    at.bad = data.bad
    found = {"split": name, **metrics.classification(logits, labels, data.classes), "seed": recipe.seed}
    keeper.finish(at, found)
    confusion = metrics.confusion(logits.argmax(axis=1), labels, len(data.classes))
    return Run(at.history, at.best_epoch, found, confusion, at.bad, folder)


def check_fit(network: Network, data: Splits) -> None:
    """Raise DataError or ShapeError unless `network` can be trained on `data`."""
    if data.train is None:
        raise DataError(mismatch(f"data {data.name}", "pictures to train with", "no train among its parts"))
    if network.input_shape != data.shape:
        remedy = "load the data in this size"
        raise ShapeError(mismatch("train: pictures", network.input_shape, data.shape, remedy))
    if network.output_shape != (len(data.classes),):
        got = f"{len(data.classes)} of them"
        who = f"{network.layers[-1].who}: classes"
        raise ShapeError(mismatch(who, network.output_shape[-1], got, _OTHER_CLASSES))
    if network.classes is not None and network.classes != data.classes:
        known, given = ", ".join(network.classes), ", ".join(data.classes)
        raise DataError(mismatch("train: classes", known, given, _OTHER_CLASSES))


def check_recipe(network: Network, data: Splits, recipe: Recipe) -> list[float] | None:
    """The weights of the classes. Raises FoveaError where they, or the batches, do not suit."""
    assert data.train is not None
    smallest = len(data.train) % recipe.batch_size or recipe.batch_size  # the last of an epoch
    for layer, shapes in zip(network.layers, network.input_shapes, strict=True):
        layer.check_batch(smallest, shapes)
    # At the very least: weights, their best, gradients and velocities; and one array in four of what layers
    # give out, as several of them are often one stage.
    size = 4 * network.memory.nbytes + recipe.batch_size * sum(map(prod, network.shapes))
    most = machine_memory()
    if size > most:
        got, remedy = gigabytes(size), "choose a smaller batch size, or a smaller size of pictures"
        expected = f"batches of {recipe.batch_size:,} that fit into {gigabytes(most)} of memory"
        raise TrainingError(mismatch("train", expected, f"at least {got}", remedy))
    layer_rates.factors(network, recipe.freeze, recipe.layer_rates)
    return class_weights.weights(recipe.class_weights, data.train.labels, data.classes)


def take_on(network: Network, train: Dataset, measure: bool) -> None:
    """Give a network the classes of its data, and one that knows no pictures yet what is measured on them:
    statistics, and filters that whiten."""
    if measure and network.preprocessing == Preprocessing.none(network.input_shape[-1]):
        network.preprocessing = Preprocessing(*statistics(train))
        whitening.measure(network, train)
    network.classes = train.classes


def _measure(plan: Answering, data: Splits, at: Position, batch_size: int) -> Row:
    """The epoch's row of results.csv; there is nothing under `val_…` without a validation set."""
    if at.seen == 0:
        file, why = next(iter(data.bad.items()))
        got = f"none in train, where {file} is one of {len(data.bad)}: {why}"
        raise DataError(mismatch(f"data {data.name}", "pictures that can be read", got))
    val: dict[str, Any] = {"loss": None, "top1": None, "top5": None}
    if data.val is not None:
        val = metrics.classification(*answers(plan, data.val, batch_size), data.classes)
    return {
        "epoch": at.epoch,
        "train_loss": at.loss / at.seen,
        "train_top1": at.correct / at.seen,
        "val_loss": val["loss"],
        "val_top1": val["top1"],
        "val_top5": val["top5"],
        "seconds": round(at.seconds, 3),
        "pictures_per_second": round(at.seen / max(at.seconds, 1e-9)),
    }


def _is_sound(network: Network, row: Row | None) -> bool:
    """Whether the weights and statistics are numbers, and small enough for the validation's logits to be."""
    sound = bool(np.isfinite(network.memory).all())
    return sound and (row is None or row["val_top1"] is None or row["val_loss"] is not None)


def _how_to_go_on(at: Position, steps: int, folder: Folder | None) -> str:
    where = (
        f"in epoch {at.epoch} after step {at.step} of {steps}" if at.step else f"after epoch {at.epoch - 1}"
    )
    return f"stopped {where}" + (f"; resume with: fovea train --resume {folder.path}" if folder else "")

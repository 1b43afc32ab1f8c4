"""The loop: batch → forward → loss → backward → step.

    run = fovea.train(network, fovea.data.load("digits"), epochs=3)

After every epoch the network is measured on the validation set. The best one there looks at the test set,
once, at the end. With a run folder, all that is needed to go on is on disk after each epoch, and after the
step in which somebody presses Ctrl-C; a run that goes on ends with the same bits as one that never stopped.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from fovea import balance, engine, layerwise, losses, metrics, optimizers, rates
from fovea.batches import batches
from fovea.batches import steps as steps_of
from fovea.data import Dataset, Splits, statistics
from fovea.errors import DataError, ShapeError, TrainingError, mismatch
from fovea.evaluation import answers
from fovea.interrupts import Interrupt, Stopped
from fovea.layers import Dropout, Layer
from fovea.layerwise import Plan
from fovea.network import Network
from fovea.optimizers import Optimizer
from fovea.preprocessing import Preprocessing
from fovea.rates import Schedule
from fovea.runs import Folder, Run
from fovea.state import Keeper, Position, Row

_DROPOUT = 2  # what the layers draw for; 0, 1 and 3 belong to the batches and the splits


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
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    schedule: str | Schedule = "one-cycle",
    augment: Any = None,
    label_smoothing: float = 0.0,
    class_weights: balance.Asked = None,
    seed: int = 0,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train `network` in place; at the end it has the weights that were best on the validation set.

    A network without class names takes the data's, and their training pictures' mean and standard
    deviation. `learning_rate` is by default the optimizer's own. `label_smoothing`, from 0 to below 1, is the
    share of each label that the loss gives to all classes alike; `class_weights` are what the classes weigh
    there: "balanced", numbers by name, or one for each (`fovea.balance`). `out` is a run folder to
    write; `resume` is one to go on with, with all else as it was. `arguments` are more lines for its
    arguments.yaml. All random numbers come from `seed`.

    Raises DataError or ShapeError where network and data do not fit, TrainingError where the loss is no
    longer a number or the run cannot be saved, and Stopped, a KeyboardInterrupt, after Ctrl-C.
    """
    # An optimizer may come from another training: it begins afresh, without what it remembers.
    optimizer = optimizers.parse(optimizer) if isinstance(optimizer, str) else replace(optimizer)
    schedule = rates.parse(schedule) if isinstance(schedule, str) else schedule
    learning_rate = float(optimizer.learning_rate if learning_rate is None else learning_rate)
    progress = progress or Progress()
    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer.configuration(),
        "learning_rate": learning_rate,
        "schedule": rates.name(schedule),
        "augment": str(augment or "none"),
        "label_smoothing": label_smoothing,
        "class_weights": balance.told(class_weights),
        "seed": seed,
        "engine": engine.current(),
    }
    _check(settings)
    check_fit(network, data)
    assert data.train is not None
    _check_batches(network, len(data.train), batch_size)
    weights = balance.weights(class_weights, data.train.labels, data.classes)
    cross_entropy = losses.CrossEntropy(label_smoothing, weights)
    _take_on(network, data.train, measure=not resume)

    folder = Folder.open(resume) if resume else Folder.create_at(out) if out else None
    keeper = Keeper(folder, network, optimizer, settings)
    at = keeper.restore(data) if resume else keeper.begin(data, {**(arguments or {}), **settings})
    steps, draws = steps_of(data.train, batch_size), any(map(_draws, network.layers))
    try:
        plan = layerwise.plan(
            network, batch_size, training=True, loss=cross_entropy, progress=progress.compiling
        )
        progress.begin(at, epochs, steps)
        with Interrupt() as interrupt:
            while at.epoch <= epochs:
                started = perf_counter() - at.seconds
                stream = batches(
                    data.train, batch_size, seed=seed, epoch=at.epoch, start=at.step, augment=augment
                )
                with closing(stream):
                    for images, labels in stream:
                        rng = np.random.default_rng([seed, _DROPOUT, at.epoch, at.step]) if draws else None
                        loss, correct = plan.loss_and_gradients(images, labels, rng=rng)
                        if not isfinite(loss):
                            raise _diverged("loss", loss, at.epoch, at.step + 1, learning_rate)
                        rate = learning_rate * schedule((at.epoch - 1) * steps + at.step, epochs * steps)
                        optimizer.step({"all": network.flat}, {"all": plan.gradients}, rate)
                        at.add(loss, correct, losses.counted(labels))
                        progress.step(at)
                        if interrupt.asked:
                            break
                at.seconds, at.bad = perf_counter() - started, at.bad | data.bad
                row = _measure(plan, data, at, batch_size) if at.step == steps else None
                if not _is_sound(network, row):
                    raise _diverged("weights", "others", at.epoch, at.step, learning_rate)
                if row and at.close(row):
                    keeper.hold()
                keeper.save(at)
                if row:
                    progress.epoch(at)
                if interrupt.asked and at.epoch <= epochs:
                    raise Stopped(_how_to_go_on(at, steps, folder))
    finally:
        progress.end()

    keeper.use_best()
    name = next(name for name in ("test", "val", "train") if name in data.parts)
    logits, labels = answers(plan, data.parts[name], batch_size)
    at.bad |= data.bad
    measured = {"split": name, **metrics.classification(logits, labels, data.classes), "seed": seed}
    keeper.finish(at, measured)
    confusion = metrics.confusion(logits.argmax(axis=1), labels, len(data.classes))
    return Run(at.history, at.best_epoch, measured, confusion, at.bad, folder)


def _check(settings: Mapping[str, Any]) -> None:
    for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
        if settings[name] < least:
            raise TrainingError(mismatch(f"train: {name}", f"at least {least}", settings[name]))
    if not (isfinite(settings["learning_rate"]) and settings["learning_rate"] > 0):
        raise TrainingError(mismatch("train: learning_rate", "a number above 0", settings["learning_rate"]))
    if not 0 <= settings["label_smoothing"] < 1:
        got = settings["label_smoothing"]
        raise TrainingError(mismatch("train: label_smoothing", "a number from 0 to below 1", got))


def check_fit(network: Network, data: Splits) -> None:
    """Raise DataError or ShapeError unless `network` can be trained on `data`."""
    if data.train is None:
        raise DataError(mismatch(f"data {data.name}", "pictures to train with", "no train among its parts"))
    if network.input_shape != data.shape:
        remedy = "load the data in this size"
        raise ShapeError(mismatch("train: pictures", network.input_shape, data.shape, remedy))
    if network.output_shape != (len(data.classes),):
        got = f"{len(data.classes)} of them"
        raise ShapeError(mismatch(f"{network.layers[-1].who}: classes", network.output_shape[-1], got))
    if network.classes is not None and network.classes != data.classes:
        raise DataError(mismatch("train: classes", ", ".join(network.classes), ", ".join(data.classes)))


def _check_batches(network: Network, pictures: int, batch_size: int) -> None:
    """Raise ShapeError where a layer cannot learn from the smallest batch of an epoch, which is the last."""
    for layer, shape in zip(network.layers, network.input_shapes, strict=True):
        layer.check_batch(pictures % batch_size or batch_size, shape)


def _take_on(network: Network, train: Dataset, measure: bool) -> None:
    """Give an untrained network the classes of its data, and the statistics of the pictures."""
    if measure and network.preprocessing == Preprocessing.none(network.input_shape[-1]):
        network.preprocessing = Preprocessing(*statistics(train))
    network.classes = train.classes


def _measure(plan: Plan, data: Splits, at: Position, batch_size: int) -> Row:
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


def _diverged(what: str, got: object, epoch: int, step: int, learning_rate: float) -> TrainingError:
    remedy = f"try a lower --learning-rate than {learning_rate:g}; the last saved epoch is kept"
    return TrainingError(
        mismatch(f"training: {what} in epoch {epoch}, step {step}", "finite numbers", got, remedy)
    )


def _how_to_go_on(at: Position, steps: int, folder: Folder | None) -> str:
    where = (
        f"in epoch {at.epoch} after step {at.step} of {steps}" if at.step else f"after epoch {at.epoch - 1}"
    )
    return f"stopped {where}" + (f"; go on with: fovea train --resume {folder.path}" if folder else "")


def _draws(layer: Layer) -> bool:
    """Whether a layer may want random numbers: making a generator for nothing takes a fiftieth of a step."""
    return isinstance(layer, Dropout) or not type(layer).__module__.startswith("fovea.")

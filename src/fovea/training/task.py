"""A task: what a network is trained for.

The loop, resuming, the run folder, early stopping, the average of weights, live status, `find_rate` and the
page know tasks by this class alone. `fovea.Classification` is one; docs/task.md shows how to write another.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite, nan
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from fovea.data import Dataset, Splits
from fovea.data.batches import Examples, batches
from fovea.errors import DataError, TrainingError, mismatch
from fovea.losses import Loss
from fovea.metrics import LOSS, Measure
from fovea.network import Network
from fovea.network.runner import Answering

Row = dict[str, Any]  # of results.csv

TRAIN, VAL = "train_", "val_"  # what the columns of measures begin with


@dataclass(frozen=True)
class Task(ABC):
    """What a network is trained for. Subclass it as a frozen dataclass, whose fields are its settings, and
    write `loss`; all else has a default.

    name: of the folder in `runs`. learned: the measures of the training pictures, as the loss gives them: its
    mean, and its `sums`. measured: those of a validation set, of which there is a column each. shown: names
    of measures for lines of progress, figures and the page, the main one first. answers: the keys of a
    prediction.
    """

    name: ClassVar[str] = "task"
    learned: ClassVar[tuple[Measure, ...]] = (LOSS,)
    measured: ClassVar[tuple[Measure, ...]] = (LOSS,)
    shown: ClassVar[tuple[str, ...]] = ("loss",)
    answers: ClassVar[tuple[str, ...]] = ()

    def check(self, network: Network, data: Splits) -> None:
        """Raise FoveaError unless `network`, which takes pictures of this size, can be trained on `data`."""

    def adopt(self, network: Network, train: Dataset) -> None:
        """Give `network` what it should know of the training pictures beside their mean and deviation."""

    @abstractmethod
    def loss(self, train: Dataset) -> Loss:
        """What training on these pictures makes small."""

    def examples(self, dataset: Dataset) -> Examples | None:
        """A function of (images, labels, rng) that makes of a batch what the network takes in, and the
        targets of its loss; None where these are the images and labels themselves.

        images: uint8 (N, H, W, C), changed by `augment` already in training; what it returns in floating
        point is not preprocessed. labels: int32 (N,), −1 for a picture that could not be read, which is all
        0.
        """
        return None

    def measure(self, plan: Answering, dataset: Dataset, batch_size: int) -> tuple[Row, Any]:
        """How good the network is on `dataset`: values for metrics.json, with all of `measured` among them,
        None where nothing could be measured; and what `draw` wants beside.

        By default the loss and its sums, each a mean over the pictures that count, and "n", their number.
        """
        loss, n = self.loss(dataset), 0
        sums: dict[str, float] = {}
        examples = self.examples(dataset)
        for images, targets in batches(dataset, batch_size, shuffle=False, examples=examples):
            Z, counted = plan.predict(images), loss.counted(targets)
            if counted:
                found = {"loss": loss(Z, targets)[0] * counted, **loss.sums(Z, targets)}
                sums, n = {name: sums.get(name, 0) + value for name, value in found.items()}, n + counted
        nothing = {measure.name: None for measure in self.measured}
        return {**nothing, **{name: total / n for name, total in sums.items()}, "n": n}, None

    def quality(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """What the best epoch has most of, from its row of results.csv; by default of the main measure."""
        main = next(measure for measure in self.measured if measure.name == self.shown[0])
        value = row[VAL + main.name]
        return (value if main.rises else -value,)

    def draw(self, folder: Path, data: Splits, found: Any) -> None:
        """Draw figures of the best network into a run's folder; `found` is what `measure` gave beside."""

    def predict(self, network: Network, images: np.ndarray) -> list[dict[str, Any]]:
        """What `network` says of each of the uint8 images (N, H, W, C), as JSON has it: by the names in
        `answers`. Raises DataError where the task predicts nothing, as by default."""
        remedy = "write its predict method, or call network.run"
        raise DataError(mismatch(f"task {self.name}", "one that predicts", "one that only trains", remedy))

    def cells(self, network: Network, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The cells of a CSV table by column; `entry` is {"file", "error"} and a prediction, or None under
        each of its names."""
        return {
            "file": entry["file"],
            **{name: entry.get(name) for name in self.answers},
            "error": entry["error"],
        }

    def text(self, prediction: Mapping[str, Any]) -> str:
        """The same in a line for the terminal."""
        return ", ".join(f"{name} {value}" for name, value in prediction.items())

    def settings(self) -> dict[str, Any]:
        """A plain value for each field, as arguments.yaml has it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        """The task whose `settings` are among these lines; what has no line is as by default."""
        return cls(**{name: settings[name] for name in cls.names() if name in settings})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The settings' names."""
        return tuple(field.name for field in fields(cls))

    # ---- What follows from these ----

    def columns(self) -> dict[str, Measure]:
        """The columns of results.csv that have measures."""
        learned = {TRAIN + measure.name: measure for measure in self.learned}
        return learned | {VAL + measure.name: measure for measure in self.measured}

    def panels(self) -> list[Measure]:
        """The measures that are shown, the main one first."""
        known = {measure.name: measure for measure in (*self.learned, *self.measured)}
        return [known[name] for name in self.shown]

    def check_measures(self) -> None:
        """Raise TrainingError where the names of measures do not go together."""
        known = {measure.name for measure in (*self.learned, *self.measured)}
        lost = [name for name in self.shown if name not in known]
        main = {measure.name for measure in self.measured} & set(self.shown[:1])
        if lost or not main:
            got = f"shown = {self.shown}"
            remedy = f"choose from {', '.join(sorted(known))}, first one of `measured`"
            raise TrainingError(mismatch(f"task {self.name}", "names of its measures", got, remedy))


def is_sound(values: Mapping[str, Any]) -> bool:
    """Whether measures are all numbers, or all None: a network that gives NaN has some of either."""
    known = [nan if value is None else value for value in values.values()]
    return all(map(isfinite, known)) or all(value is None for value in values.values())

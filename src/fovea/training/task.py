"""The base class of tasks, which define what a network is trained for.

The loop, resuming, the run folder, early stopping, the average of weights, live status, `find_rate` and the
page know tasks by this class alone. `fovea.Classification` is one; docs/task.md shows how to write another.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fovea.data import Dataset, Splits
from fovea.data.batches import Change, Examples, batches
from fovea.errors import DataError, TrainingError, mismatch
from fovea.losses import Loss
from fovea.network import Network
from fovea.network.runner import Answering
from fovea.training.measure import LOSS, Measure

if TYPE_CHECKING:
    from fovea.training.setup import Setup

Row = dict[str, Any]  # of results.csv
Report = Callable[[str, int, int], object]

TRAIN, VAL = "train_", "val_"  # prefixes of the columns of measures


@dataclass(frozen=True)
class Task(ABC):
    """The task of a network: its loss, examples, measures and predictions. Subclass it as a frozen dataclass,
    whose fields are its settings, and write `loss`; everything else has a default.

    name: of the folder in `runs`. learned: the measures on training pictures, from the loss: its mean, and
    its `sums`. measured: the measures on a validation set, one column each. shown: names of measures for
    progress, figures and the page, the main one first. answers: the keys of a prediction. command: the
    one of `fovea` that resumes a run. former: the fields of states saved before there were sums by measure →
    the names of these measures.
    """

    name: ClassVar[str] = "task"
    learned: ClassVar[tuple[Measure, ...]] = (LOSS,)
    measured: ClassVar[tuple[Measure, ...]] = (LOSS,)
    shown: ClassVar[tuple[str, ...]] = ("loss",)
    answers: ClassVar[tuple[str, ...]] = ()
    command: ClassVar[str] = "train"
    former: ClassVar[Mapping[str, str]] = {}

    def check(self, network: Network, data: Splits) -> None:
        """Raise FoveaError unless `network`, whose input has the size of the pictures, can be trained on
        `data`."""

    def adopt(self, network: Network, train: Dataset) -> None:
        """Store properties of the training pictures in `network`, such as the names of classes."""

    @abstractmethod
    def loss(self, train: Dataset) -> Loss:
        """The loss for training on these pictures."""

    @property
    def fits(self) -> bool:
        """True if the first epoch is a `fit` instead of steps."""
        return False

    def fit(self, setup: "Setup", report: Report) -> tuple[float, dict[str, float], int]:
        """Compute weights of the network from the training pictures, in place of the first epoch's steps.
        Returns the loss, a mean over the pictures that count, its sums, and the number of these pictures.

        `report(what, done, total)` counts pictures, and raises an exception to stop. A resumed run repeats
        the fit, which must give the same bits.
        """
        raise NotImplementedError(f"task {self.name} has no fit")

    def examples(self, dataset: Dataset) -> Examples | None:
        """A function of (images, labels, rng) that returns the network's input and the targets of the loss
        for a batch; None if these are the images and labels themselves.

        images: uint8 (N, H, W, C), in training already changed by `augment`; a floating-point result is not
        preprocessed. labels: int32 (N,), −1 for an unreadable picture, which is all 0.
        """
        return None

    def moved(self, dataset: Dataset, augment: Change, done: float) -> Examples | None:
        """A function like that of `examples`, for training only, that also applies `augment`, in tasks whose
        targets move with the pictures; None, as by default, if pictures change alone. `done` is the share of
        the training's epochs that are over."""
        return None

    def measure(self, plan: Answering, dataset: Dataset, batch_size: int) -> tuple[Row, Any]:
        """The measures on `dataset`, for metrics.json, with all of `measured` among them, None if nothing
        could be measured; and further results for `draw`.

        By default the loss and its sums, each a mean over the pictures that count, and "n", their number.
        """
        loss, n = self.loss(dataset), 0
        sums: dict[str, float] = {}
        examples = self.examples(dataset)
        for images, targets in batches(dataset, batch_size, shuffle=False, examples=examples):
            Z, counted = plan.predict(images), loss.counted(targets)
            if counted:
                batch = {"loss": loss(Z, targets)[0] * counted, **loss.sums(Z, targets)}
                sums, n = {name: sums.get(name, 0) + value for name, value in batch.items()}, n + counted
        nothing = {measure.name: None for measure in self.measured}
        return {**nothing, **{name: total / n for name, total in sums.items()}, "n": n}, None

    def quality(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """The quality of an epoch, from its row of results.csv; the best epoch has the highest. By default
        the main measure."""
        main = next(measure for measure in self.measured if measure.name == self.shown[0])
        value = row[VAL + main.name]
        return (value if main.rises else -value,)

    def show(self, folder: Path, plan: Answering, data: Splits) -> None:
        """Write pictures of the network, which `plan` runs, into a run's folder; called after each epoch. The
        page shows progress.png."""

    def facts(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The network's `facts` after an epoch with this row of results.csv, in JSON's types."""
        return {}

    def draw(self, folder: Path, data: Splits, found: Any) -> None:
        """Draw figures of the best network into a run's folder; `found` are the further results of
        `measure`."""

    def predict(self, network: Network, images: np.ndarray) -> list[dict[str, Any]]:
        """The prediction for each of the uint8 images (N, H, W, C), in JSON's types, by the names in
        `answers`. Raises DataError if the task predicts nothing, as by default."""
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
        """The prediction as a line for the terminal."""
        return ", ".join(f"{name} {value}" for name, value in prediction.items())

    def settings(self) -> dict[str, Any]:
        """A plain value for each field, for arguments.yaml."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        """The task with the fields among `settings`, and defaults for the others."""
        return cls(**{name: settings[name] for name in cls.names() if name in settings})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the settings."""
        return tuple(field.name for field in fields(cls))

    # ---- Derived from these ----

    def columns(self) -> dict[str, Measure]:
        """The columns of results.csv that have measures."""
        learned = {TRAIN + measure.name: measure for measure in self.learned}
        return learned | {VAL + measure.name: measure for measure in self.measured}

    def panels(self) -> list[Measure]:
        """The measures that are shown, the main one first."""
        known = {measure.name: measure for measure in (*self.learned, *self.measured)}
        return [known[name] for name in self.shown]

    def check_measures(self) -> None:
        """Raise TrainingError if `shown` names unknown measures, or does not begin with one of `measured`."""
        known = {measure.name for measure in (*self.learned, *self.measured)}
        lost = [name for name in self.shown if name not in known]
        main = {measure.name for measure in self.measured} & set(self.shown[:1])
        if lost or not main:
            got = f"shown = {self.shown}"
            remedy = f"choose from {', '.join(sorted(known))}, first one of `measured`"
            raise TrainingError(mismatch(f"task {self.name}", "names of its measures", got, remedy))


def is_sound(values: Mapping[str, Any]) -> bool:
    """True if measures are all finite, or all None: with a network that gives NaN, only some are."""
    known = [nan if value is None else value for value in values.values()]
    return all(map(isfinite, known)) or all(value is None for value in values.values())

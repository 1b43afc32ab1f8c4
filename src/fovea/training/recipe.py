"""How a network is trained, whatever for: all that a person can choose about it, in one place.

`fovea.train` takes a recipe, or its fields by their names; the command line has an option for each; a run's
arguments.yaml has a line for each, and `Recipe.read` makes the recipe of those lines again. What belongs to a
task, such as label smoothing, is a field of the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from fovea import optimizers
from fovea.augment import Augment
from fovea.errors import ShapeError, TrainingError, mismatch
from fovea.optimizers import Optimizer
from fovea.ranges import LARGEST, MOST, MOST_SEED, SMALLEST, number, real, short
from fovea.training import layer_rates, schedules
from fovea.training.schedules import Schedule

_RANGES = {  # name → the least and the most that it may be, and whether it is a whole number
    "epochs": (1, MOST, True),
    "patience": (0, MOST, True),
    "batch_size": (1, MOST, True),
    "clip": (0, LARGEST, False),
    "average": (0, 0.999999, False),
    "seed": (0, MOST_SEED, True),
}


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Raises FoveaError for what has no sense.

    How long:
        epochs: how often to go through all training pictures.
        patience: stop when so many epochs in a row were no better on the validation set; 0 never.

    What changes the weights:
        batch_size: pictures in a step.
        optimizer: an `Optimizer`, or what `optimizers.parse` reads, such as "sgd,nesterov". A training begins
            with a fresh copy of it.
        freeze: names of layers that do not learn, "stage1,conv1" or a sequence; "..stage2" is all up to
            there, and "body" all but the last (`fovea.training.layer_rates`).
        layer_rates: factors of the learning rate, "decay=0.5,stage1=0.1" or a mapping: by layers' names, and
            for each size of pictures that comes behind a layer.
        learning_rate: the highest learning rate; by default the optimizer's own.
        schedule: the course of the rate, a name in `rates.SCHEDULES` or a function like them.
        clip: gradients whose norm over all parameters is larger are scaled down to it; 0 never.
        average: the share that an exponential moving average of the weights keeps of itself at a step, such
            as 0.999; it is what is measured and kept then (`fovea.training.average`). 0 for none.

    What changes the pictures:
        augment: an `Augment`, what `Augment.parse` reads, or any other `batches.Change`.

    And:
        seed: where all random numbers come from.
    """

    epochs: int = 10
    patience: int = 0
    batch_size: int = 64
    optimizer: Any = "sgd"
    freeze: Any = ()
    layer_rates: Any = None
    learning_rate: Any = None
    schedule: str | Schedule = "one-cycle"
    clip: float = 0.0
    average: float = 0.0
    augment: Any = None
    seed: int = 0

    def __post_init__(self) -> None:
        known = self.optimizer
        # An optimizer may come from another training: it begins afresh, without what it remembers.
        known = replace(known) if isinstance(known, Optimizer) else optimizers.parse(known)
        augment = Augment.parse(self.augment) if isinstance(self.augment, str) else self.augment
        if not callable(self.schedule):
            schedules.parse(self.schedule)
        values = {"optimizer": known, "augment": augment or Augment()}
        values["freeze"], values["layer_rates"] = (
            layer_rates.names(self.freeze),
            layer_rates.rates(self.layer_rates),
        )
        for name, (least, most, whole) in _RANGES.items():
            values[name] = in_range(name, getattr(self, name), least, most, whole)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        try:
            number(self.rate, "train: learning_rate", "a number above 0", SMALLEST)
        except ShapeError as error:
            raise TrainingError(str(error)) from error

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.optimizer.learning_rate if self.learning_rate is None else self.learning_rate

    @property
    def course(self) -> Schedule:
        """The schedule as a function."""
        return self.schedule if callable(self.schedule) else schedules.parse(self.schedule)

    def is_over(self, epoch: int, waited: int) -> bool:
        """Whether nothing is left to do before `epoch`, where so many epochs have passed since the best."""
        return epoch > self.epochs or 0 < self.patience <= waited

    def settings(self) -> dict[str, Any]:
        """A plain value for each field, as arguments.yaml has it."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {
            "optimizer": self.optimizer.configuration(), "learning_rate": float(self.rate),
            "schedule": schedules.name(self.course), "augment": str(self.augment),
            "freeze": list(self.freeze),
        }  # fmt: skip
        return own | plain

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "Recipe":
        """The recipe whose `settings` are among these lines; what has no line is as by default."""
        return cls(**{field.name: settings[field.name] for field in fields(cls) if field.name in settings})


NAMES = tuple(field.name for field in fields(Recipe))


def in_range(name: str, value: Any, least: float, most: float, whole: bool = False) -> int | float:
    """`value` as a number, a whole one where that is asked for. Raises TrainingError for others."""
    known = real(value)
    if not known or not least <= value <= most or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        bounded = most not in (MOST, LARGEST) or (known and value > most)
        wanted = f"{kind} from {least} to {most:,}" if bounded else f"{kind}, at least {least}"
        raise TrainingError(mismatch(f"train: {name}", wanted, short(value, str)))
    if 0 < value < SMALLEST:
        raise TrainingError(mismatch(f"train: {name}", "a number that is not 0 in float32", value))
    return int(value) if whole else float(value)

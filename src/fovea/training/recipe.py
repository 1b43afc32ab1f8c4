"""The recipe: all settings of a training that do not depend on the task.

`fovea.train` takes a recipe, or its fields by name; the command line has an option for each; a run's
arguments.yaml has a line for each, from which `Recipe.read` makes the recipe again. Settings of a task, such
as label smoothing, are fields of the task.
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

_RANGES = {  # name → minimum, maximum, whether it is a whole number
    "epochs": (1, MOST, True),
    "patience": (0, MOST, True),
    "batch_size": (1, MOST, True),
    "clip": (0, LARGEST, False),
    "average": (0, 0.999999, False),
    "seed": (0, MOST_SEED, True),
}


@dataclass(frozen=True)
class Recipe:
    """The settings of a training. Raises FoveaError for invalid values.

    Duration:
        epochs: passes over all training pictures.
        patience: stop after this many epochs without improvement on the validation set; 0 for never.

    Optimization:
        batch_size: pictures per step.
        optimizer: an `Optimizer`, or a text for `optimizers.parse`, such as "sgd,nesterov". A training starts
            with a fresh copy of it.
        freeze: names of layers that do not learn, "stage1,conv1" or a sequence; "..stage2" is all up to
            stage2, and "body" all but the last (`fovea.training.layer_rates`).
        layer_rates: factors of the learning rate, "decay=0.5,stage1=0.1" or a mapping: by layer name, and
            "decay" for each downsampling after a layer.
        learning_rate: the peak learning rate; by default the optimizer's.
        schedule: the schedule of the learning rate, a name in `schedules.SCHEDULES` or a function like them.
        clip: the largest norm of the gradients of all parameters, to which larger ones are scaled down; 0 for
            none.
        average: the decay per step of an exponential moving average of the weights, such as 0.999, which is
            then measured and saved instead of them (`fovea.training.average`). 0 for none.

    Augmentation:
        augment: an `Augment`, a text for `Augment.parse`, or any other `batches.Change`.

    Reproducibility:
        seed: the seed of all random numbers.
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
        # An optimizer may come from another training: a copy starts without its state.
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
        """The peak learning rate."""
        return self.optimizer.learning_rate if self.learning_rate is None else self.learning_rate

    @property
    def course(self) -> Schedule:
        """The schedule as a function."""
        return self.schedule if callable(self.schedule) else schedules.parse(self.schedule)

    def is_over(self, epoch: int, waited: int) -> bool:
        """True if training ends before `epoch`, when the best epoch is `waited` epochs ago."""
        return epoch > self.epochs or 0 < self.patience <= waited

    def settings(self) -> dict[str, Any]:
        """A plain value for each field, for arguments.yaml."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {
            "optimizer": self.optimizer.configuration(), "learning_rate": float(self.rate),
            "schedule": schedules.name(self.course), "augment": str(self.augment),
            "freeze": list(self.freeze),
        }  # fmt: skip
        return values | plain

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "Recipe":
        """The recipe with the fields among `settings`, and defaults for the others."""
        return cls(**{field.name: settings[field.name] for field in fields(cls) if field.name in settings})


NAMES = tuple(field.name for field in fields(Recipe))


def in_range(name: str, value: Any, least: float, most: float, whole: bool = False) -> int | float:
    """`value` as a number from `least` to `most`, an int if `whole`. Raises TrainingError."""
    known = real(value)
    if not known or not least <= value <= most or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        bounded = most not in (MOST, LARGEST) or (known and value > most)
        wanted = f"{kind} from {least} to {most:,}" if bounded else f"{kind}, at least {least}"
        raise TrainingError(mismatch(f"train: {name}", wanted, short(value, str)))
    if 0 < value < SMALLEST:
        raise TrainingError(mismatch(f"train: {name}", "a number that is not 0 in float32", value))
    return int(value) if whole else float(value)

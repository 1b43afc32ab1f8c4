"""How the learning rate changes during training.

A schedule is a function of the number of the step (from 0) and of the number of steps in all. It answers
which part of the learning rate that step uses, so that

    rate = learning_rate · schedule(step, steps).

Any function of this kind can be given to `fovea.train`; those here go by the names in `SCHEDULES`.
"""

from collections.abc import Callable
from math import cos, pi
from typing import TypeAlias

from fovea.errors import FoveaError, mismatch
from fovea.ranges import short

Schedule: TypeAlias = Callable[[int, int], float]

STEP_AT = (1 / 2, 3 / 4)  # where `step` goes down, in parts of the whole training
STEP_FACTOR = 0.1
RISE = 0.3  # the part of the training in which `one_cycle` rises, and where it begins and ends:
START, END = (
    1 / 25,
    1 / 25e4,
)  # as in L. Smith, N. Topin: Super-Convergence, 2018, and in PyTorch's OneCycleLR


def constant(step: int, steps: int) -> float:
    """The whole learning rate at every step."""
    return 1.0


def step(step: int, steps: int) -> float:
    """A tenth of the rate from half of the training on, a hundredth from three quarters on."""
    return STEP_FACTOR ** sum(step >= at * steps for at in STEP_AT)


def cosine(step: int, steps: int) -> float:
    """Half a cosine from 1 at the first step to 0 after the last (I. Loshchilov, F. Hutter: SGDR, 2017)."""
    return _anneal(1.0, 0.0, step / steps)


def one_cycle(step: int, steps: int) -> float:
    """A cosine up from 1/25 to 1 in the first three tenths, then one down to almost 0 at the last step."""
    top = RISE * steps - 1
    last = steps - 1
    if step <= top:
        return _anneal(START, 1.0, step / top if top > 0 else 1.0)
    return _anneal(1.0, END, (step - top) / (last - top))


def _anneal(start: float, end: float, part: float) -> float:
    """Half a cosine from `start` (part 0) to `end` (part 1)."""
    return end + (start - end) * (1 + cos(pi * part)) / 2


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one-cycle": one_cycle,
}


def parse(name: str) -> Schedule:
    """The schedule called `name`."""
    try:
        return SCHEDULES[name]
    except (KeyError, TypeError):
        raise FoveaError(mismatch("schedule", f"one of {', '.join(SCHEDULES)}", short(name))) from None


def name(schedule: Schedule) -> str:
    """What `schedule` is called, in files."""
    return next(
        (n for n, own in SCHEDULES.items() if own is schedule), getattr(schedule, "__qualname__", "own")
    )

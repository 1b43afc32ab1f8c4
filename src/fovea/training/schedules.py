"""Learning-rate schedules.

A schedule is a function of the step (from 0) and the total number of steps, which returns the factor of the
learning rate at that step:

    rate = learning_rate · schedule(step, steps).

`fovea.train` accepts any such function; those here have names in `SCHEDULES`.
"""

from collections.abc import Callable
from math import cos, pi
from typing import TypeAlias

from fovea.errors import FoveaError, mismatch
from fovea.ranges import short

Schedule: TypeAlias = Callable[[int, int], float]

STEP_AT = (1 / 2, 3 / 4)  # the shares of the training after which `step` drops
STEP_FACTOR = 0.1
RISE = 0.3  # the share of the training in which `one_cycle` rises; with its first and last factor:
START, END = 1 / 25, 1 / 25e4  # as in L. Smith, N. Topin: Super-Convergence, 2018, and PyTorch's OneCycleLR


def constant(step: int, steps: int) -> float:
    """1 at every step."""
    return 1.0


def step(step: int, steps: int) -> float:
    """1/10 from half of the training on, 1/100 from three quarters on."""
    return STEP_FACTOR ** sum(step >= share * steps for share in STEP_AT)


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
    """The schedule called `name`. Raises FoveaError."""
    try:
        return SCHEDULES[name]
    except (KeyError, TypeError):
        raise FoveaError(mismatch("schedule", f"one of {', '.join(SCHEDULES)}", short(name))) from None


def name(schedule: Schedule) -> str:
    """The name of `schedule`, for files."""
    return next(
        (n for n, known in SCHEDULES.items() if known is schedule), getattr(schedule, "__qualname__", "own")
    )

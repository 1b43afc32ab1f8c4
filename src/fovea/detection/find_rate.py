"""The search for a learning rate for a detector, written to a folder."""

from collections.abc import Callable, Sequence
from typing import Any

from fovea.detection.choices import choose
from fovea.detection.task import Detection
from fovea.detection.train import boxed, check, initialise, prepare
from fovea.training import rate_search
from fovea.training.found_rate import Found, write
from fovea.training.setup import Setup


def find(
    source: str,
    model: str | None = None,
    *,
    weights: str | None = None,
    size: Sequence[int] | None = None,
    groups: str | None = None,
    precision: str | None = None,
    format: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    **given: Any,
) -> Found:
    """The result of `rate_search.find_rate` for the training that `train` would begin with these arguments.
    Raises FoveaError."""
    seed = check(given).seed
    begun = prepare(
        source, model, weights=weights, size=size, seed=seed, groups=groups, precision=precision,
        format=format,
    )  # fmt: skip
    goes_on = begun.origin is not None
    recipe, task, _ = choose(begun.network, boxed(begun.splits), given, name=begun.name, goes_on=goes_on)
    setup = Setup(begun.network, begun.splits, recipe, task)
    initialise(begun, seed)
    rates = rate_search.search(setup, progress=progress)
    return Found(rates, begun.name, recipe, write(rates, Detection.name, out))

"""The search for a learning rate for a classifier, written to a folder."""

from collections.abc import Callable, Sequence
from typing import Any

from fovea.classification.choices import TRANSFER, choose
from fovea.classification.task import Classification
from fovea.classification.train import check, prepare
from fovea.errors import TrainingError, mismatch
from fovea.names import warn
from fovea.training import rate_search
from fovea.training.found_rate import Found, write
from fovea.training.setup import Setup


def find(
    source: str,
    model: str | None = None,
    *,
    weights: str | None = None,
    fine_tune: int | None = None,
    size: Sequence[int] | None = None,
    groups: str | None = None,
    precision: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    **choices: Any,
) -> Found:
    """The result of `rate_search.find_rate` for the training that `train` would begin with these arguments.

    Raises FoveaError, TrainingError also for a training without steps.
    """
    seed = check(choices).seed
    begun = prepare(source, model, weights=weights, size=size, seed=seed, groups=groups, precision=precision)
    network, splits = begun.network, begun.splits
    if splits.skipped:
        splits.skipped.warn()
    goes_on, fits = begun.origin is not None, begun.fits(choices, fine_tune)
    recipe, task, _ = choose(network, splits, choices, goes_on=goes_on, fits=fits, fine_tune=fine_tune)
    needed = None
    if task.fits and recipe.epochs == 1:
        if fine_tune is not None or "epochs" in choices:
            expected = "at least one epoch of steps, after the fit of the last layer"
            raise TrainingError(mismatch("find-rate", expected, "none", f"--fine-tune {TRANSFER.epochs[0]}"))
        needed = TRANSFER.epochs[0]
        recipe, task, _ = choose(network, splits, choices, goes_on=goes_on, fits=fits, fine_tune=needed)
    setup = Setup(network, splits, recipe, task)
    if begun.origin is None:
        network.initialise(recipe.seed)
    found = rate_search.search(setup, progress=progress)
    for line in splits.unreadable:
        warn(line)
    folder = write(found, Classification.name, out)
    return Found(found, begun.name, recipe, folder, needed)

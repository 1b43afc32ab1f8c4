"""The search for a learning rate for a classifier, written to a folder."""

from collections.abc import Callable, Sequence
from typing import Any

from fovea import charts
from fovea.classification.choices import choose
from fovea.classification.features import has_body
from fovea.classification.task import Classification
from fovea.classification.train import check, prepare
from fovea.names import warn
from fovea.training import rate_search
from fovea.training.rate_search import RateSearch
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder
from fovea.training.setup import Setup


def find(
    source: str,
    model: str | None = None,
    *,
    size: Sequence[int] | None = None,
    precision: str | None = None,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    **choices: Any,
) -> tuple[RateSearch, Recipe, str, Folder]:
    """The result of `rate_search.find_rate` for `model` on the data at `source`; the recipe of the search,
    with `choices` and defaults for the data; the model's name; and the folder, with rates.csv and rates.png.

    Raises FoveaError.
    """
    begun = prepare(source, model, size=size, seed=check(choices).seed, precision=precision)
    network, splits = begun.network, begun.splits
    if splits.skipped:
        splits.skipped.warn()
    fits = begun.weights is not None and has_body(network)
    how = {"goes_on": begun.origin is not None, "fits": fits, "fine_tune": 1 if fits else None}
    recipe, task, _ = choose(network, splits, choices, **how)
    setup = Setup(network, splits, recipe, task)
    if begun.origin is None:
        network.initialise(recipe.seed)
    found = rate_search.search(setup, progress=progress)
    for line in splits.unreadable:
        warn(line)
    folder = Folder.create_at(out) if out else Folder.create(Classification.name, "find-rate")
    rows = zip(found.rates, found.losses, strict=True)
    with folder.writing():
        folder.write_table(folder.path / "rates.csv", ("rate", "loss"), rows)
        charts.rates(folder.path / "rates.png", found.rates, found.losses, found.best)
    return found, recipe, begun.name, folder

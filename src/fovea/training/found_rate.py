"""The result of a search for a learning rate, in a folder."""

from dataclasses import dataclass

from fovea.training import figures
from fovea.training.rate_search import RateSearch
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder


@dataclass(frozen=True)
class Found:
    """The result: the rates; the model's name; the recipe of the search; the folder with rates.csv and
    rates.png. fine_tune: the epochs of fine-tuning that the rate needs to have an effect, where `train` would
    choose none for the data; else None."""

    rates: RateSearch
    model: str
    recipe: Recipe
    folder: Folder
    fine_tune: int | None = None


def write(rates: RateSearch, task: str, out: str | None) -> Folder:
    """Write rates.csv and rates.png to `out`, or to a new folder of the task. Raises FoveaError."""
    folder = Folder.create_at(out) if out else Folder.create(task, "find-rate")
    rows = zip(rates.rates, rates.losses, strict=True)
    with folder.writing():
        folder.write_table(folder.path / "rates.csv", ("rate", "loss"), rows)
        figures.rates(folder.path / "rates.png", rates.rates, rates.losses, rates.best)
    return folder

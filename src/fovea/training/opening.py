"""The first lines of a training for people, and the files written before its first step; for any task."""

from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from fovea import data, engine
from fovea.data import Splits
from fovea.data.split import relative
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import absolute as absolute_path
from fovea.files import expanded
from fovea.names import counted
from fovea.network import Network
from fovea.training.arguments import LINES
from fovea.training.progress import Progress
from fovea.training.recipe import NAMES, Recipe
from fovea.training.run_folder import Folder
from fovea.training.task import Task

REQUIRED = ("epochs", "data", "model", "engine")  # lines of arguments.yaml that resuming needs
AnyTask = TypeVar("AnyTask", bound=Task)


def recorded(folder: Folder, task: type[AnyTask]) -> tuple[dict[str, Any], Recipe, AnyTask]:
    """The arguments of a run, and the recipe and task that they make. Raises DataError unless a training for
    that kind of `task` wrote them."""
    arguments = folder.read_arguments()
    missing = [name for name in REQUIRED if name not in arguments]
    if missing:
        raise DataError(mismatch(str(folder.arguments), f"a line for {missing[0]!r}", "none"))
    if arguments.get("task", task.name) != task.name:
        raise DataError(mismatch(f"{folder.arguments}: task", task.name, arguments["task"]))
    unknown = sorted(map(str, set(arguments) - set(NAMES) - set(task.names()) - set(LINES)))
    if unknown:
        raise DataError(mismatch(str(folder.arguments), "only lines that Fovea writes", ", ".join(unknown)))
    try:
        return arguments, Recipe.read(arguments), task.read(arguments)
    except FoveaError as error:
        raise DataError(f"{folder.arguments}: {error}") from error


def check_source(source: str, folder: Folder) -> None:
    """Raise DataError unless the pictures that the run recorded, `source`, are still there."""
    if source != data.DIGITS and not Path(source).is_dir():
        expected = f"the folder of the pictures that {folder.path} learned from"
        remedy = f"move it back, or write where it is now into {folder.arguments}"
        raise DataError(mismatch(f"data {source}", expected, "none there", remedy))


def tell(progress: Progress, network: Network, splits: Splits, model: str, folder: Folder) -> None:
    """Report the data and the network in two lines, and skipped files in a third."""
    parts = ", ".join(f"{len(part):,} {name}" for name, part in splits.parts.items())
    shape = "×".join(map(str, splits.shape))
    progress.note(f"{splits.name}: pictures of {shape} in {counted(len(splits.classes), 'class')}: {parts}")
    if splits.skipped and (line := splits.skipped.line()):
        progress.note(line)
    size = counted(network.parameter_count, "parameter")
    progress.note(f"{model}: {size}, engine {engine.current()}; run folder {folder.path}")


def shared(splits: Splits) -> list[str]:
    """A line on the groups, if there are any."""
    if splits.grouping is None:
        return []
    find, by_part, alone = splits.grouping.find, [], []
    for part in splits.parts.values():
        groups = {(file := relative(path, splits.root)): find(file) for path in part.files or ()}
        by_part.append({group for group in groups.values() if group is not None})
        alone += [file for file, group in groups.items() if group is None]
    shared = sorted({name for a, b in combinations(by_part, 2) for name in a & b})
    count = len(set().union(*by_part))
    line = f"{counted(count, 'group')}, each in one part"
    if shared:  # in folders that were split already
        line += f" but for {len(shared):,}, such as {shared[0]!r}: results look better than they are"
    if alone:
        line += f"; pictures without a group: {len(alone):,}, such as {alone[0]}"
    return [line]


def doubled(splits: Splits, folder: Folder) -> list[str]:
    """A line on the pictures that are in more than one part, after writing them to duplicates.csv."""
    found = data.duplicates(splits)
    if not found:
        return []
    columns = ("file", "split", "same_as", "its_split", "how")
    rows = [
        (relative(d.file, splits.root), d.part, relative(d.other_file, splits.root), d.other_part,
         "same" if d.exact else "nearly") for d in found
    ]  # fmt: skip
    path = folder.duplicates
    with folder.writing():
        folder.write_table(path, columns, rows)
    exact = sum(d.exact for d in found)
    file, part, other, its, _ = rows[0]
    return [
        f"in an earlier part too: {counted(len(found), 'picture')} ({exact:,} the same, "
        f"{len(found) - exact:,} nearly), such as {file} ({part}) and {other} ({its}): "
        f"results look better than they are; {path} lists them"
    ]


def absolute(name: str) -> str:
    """A path that is valid from any folder; a built-in name as it is."""
    return absolute_path(name) if name != data.DIGITS and expanded(name).exists() else name

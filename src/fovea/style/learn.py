"""Learning the style of a painting from photographs, and resuming it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fovea import engine
from fovea.data import Dataset, Splits, listing
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import absolute, expanded
from fovea.names import counted
from fovea.ranges import whole
from fovea.style import styles, task
from fovea.style.learned import PAINTER, SUFFIX, LearnedStyle
from fovea.style.photographs import Photographs, parts_of
from fovea.style.task import LearnStyle
from fovea.training import loop
from fovea.training.opening import check_source, recorded
from fovea.training.progress import Progress
from fovea.training.recipe import Recipe
from fovea.training.run_folder import Folder, Run
from fovea.training.setup import Setup

SIDE, STEPS = 256, 200  # of the parts of photographs; by default
ROUND = 50  # steps, after which the style is measured, shown and saved
BATCH, RATE = 1, 0.05
FEW = 10  # photographs


@dataclass(frozen=True)
class Learned:
    """A learned style, its file, and the run that learned it."""

    style: LearnedStyle
    file: Path
    run: Run


def learn(
    painting: str,
    pictures: str,
    *,
    strength: float = 0.5,
    style_scale: float = 1.0,
    size: int = SIDE,
    steps: int = STEPS,
    seed: int = 0,
    out: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Learned:
    """Teach the painter of 26 styles that of the picture `painting`, from the photographs in the folder
    `pictures`.

    `strength` and `style_scale` are as in `fovea paint`; `size` is the side of the parts of the photographs,
    a multiple of 4. Writes the style to the file `out`, by default named after the painting, and a run folder
    in `runs/learn-style`. Raises FoveaError, and Stopped, a KeyboardInterrupt, after Ctrl-C.
    """
    side = whole(size, "learn-style", "size", 32, 1024)
    if side % 4:
        raise FoveaError(mismatch("learn-style: size", "a multiple of 4", side))
    whole(steps, "learn-style", "steps", 1, 100_000)
    if not expanded(pictures).is_dir():
        raise DataError(mismatch(f"--pictures {pictures}", "a folder of photographs", "no such folder"))
    file = checked_file(out or f"{Path(painting).stem}{SUFFIX}", overwrite)
    rounds = max(round(steps / ROUND), 1)
    recipe = Recipe(
        epochs=1 + rounds, batch_size=BATCH, optimizer="adam", learning_rate=RATE, schedule="cosine",
        freeze=task.FROZEN, augment="flip", seed=seed,
    )  # fmt: skip
    parts = BATCH * -(-steps // rounds)
    chosen = LearnStyle(absolute(painting), strength, style_scale, absolute(file), parts)
    arguments = {"data": absolute(pictures), "model": PAINTER, "size": [side, side]}
    progress = progress or Progress()
    setup = _setup(chosen, recipe, arguments, progress)
    folder = Folder.create(chosen.name, file.stem)
    progress.note(f"run folder {folder.path}")
    with folder.beginning():
        run = loop.run(setup, out=folder, arguments=arguments, progress=progress)
    return _learned(setup, run, file)


def resume(run: str, progress: Progress | None = None) -> Learned:
    """Resume the run in the folder `run` with its arguments. Raises FoveaError."""
    folder, progress = Folder.open(expanded(run)), progress or Progress()
    arguments, recipe, chosen = recorded(folder, LearnStyle)
    check_source(arguments["data"], folder)
    with engine.use(arguments["engine"]):
        setup = _setup(chosen, recipe, arguments, progress)
        return _learned(setup, loop.run(setup, resume=folder.path, progress=progress), Path(chosen.file))


def checked_file(out: str, overwrite: bool = False) -> Path:
    """The file of a style, with its suffix. Raises DataError for one that exists, unless it may be
    overwritten."""
    file = expanded(out if out.endswith(SUFFIX) else out + SUFFIX)
    if file.exists() and not overwrite:
        remedy = "choose another with --out, or allow it with --overwrite"
        raise DataError(mismatch(f"{out}", "a new file", "one that exists", remedy))
    if not file.parent.is_dir():
        raise DataError(mismatch(f"{out}", "a file in a folder that exists", "no such folder"))
    return file


def _setup(chosen: LearnStyle, recipe: Recipe, arguments: Mapping[str, Any], progress: Progress) -> Setup:
    side, pictures = arguments["size"][0], arguments["data"]
    styles.picture(chosen.painting)  # raises
    count = task.SHOWN + chosen.parts
    found = parts_of(listing.collect(pictures, progress.note), count, side, recipe.seed)
    for line in _notes(found, side):
        progress.note(line)
    task.compile_loss(side, progress.compiling)
    whole_set = Dataset(found.parts, np.zeros(count, np.int32), ["photographs"], name="photographs")
    val, train = (whole_set.subset(range(*ends)) for ends in ((0, task.SHOWN), (task.SHOWN, count)))
    data = Splits("photographs", train, val, None)
    return Setup(task.painter(side), data, recipe, replace(chosen, photographs=found.digest))


def _notes(found: Photographs, side: int) -> list[str]:
    """Lines on the photographs."""
    n, lines = found.read, []
    if found.bad:
        file, why = next(iter(found.bad.items()))
        lines.append(f"skipped {counted(len(found.bad), 'picture')}, such as {file}: {why}")
    if found.enlarged:
        lines.append(f"warning: enlarged {found.enlarged:,} of {counted(n, 'photograph')} to {side} pixels")
    if n < FEW:
        lines.append(
            f"warning: {counted(n, 'photograph')}: with {FEW} or more, the style suits others better"
        )
    return lines


def _learned(setup: Setup, run: Run, file: Path) -> Learned:
    chosen, recipe = setup.task, setup.recipe
    assert isinstance(chosen, LearnStyle)
    about = {
        "painting": Path(chosen.painting).name, "strength": chosen.strength,
        "style_scale": chosen.style_scale, "size": setup.data.shape[0], "steps": setup.total,
        "seed": recipe.seed, "loss": run.metrics["loss"],
    }  # fmt: skip
    style = LearnedStyle(task.scales_of(setup.network), about)
    style.write(file)
    return Learned(style, file, run)

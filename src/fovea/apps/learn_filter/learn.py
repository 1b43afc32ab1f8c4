"""Pictures and their filtered versions in, the filter out."""

from collections.abc import Sequence

import numpy as np

from fovea import engine, filters
from fovea.apps.learn_filter import examples, findings
from fovea.apps.learn_filter.findings import Found
from fovea.apps.learn_filter.progress import CHANNELS, Approach
from fovea.errors import DataError, ShapeError, mismatch
from fovea.files import expanded
from fovea.filters import learn_filter
from fovea.filters.examples import MOST, checked_size
from fovea.ranges import whole
from fovea.seeds import Draw, generator
from fovea.training.run_folder import Folder

TASK = "learn-filter"
CONVENTION = "opencv"  # whole numbers, as they stand in books
SIZE = 3  # where nothing else says it


def learn(
    places: Sequence[str],
    target: str = "sobel-vertical",
    *,
    targets: str | None = None,
    size: int | None = None,
    count: int | None = None,
    steps: int = 2000,
    seed: int = 0,
    out: str | None = None,
    approach: Approach | None = None,
) -> Found:
    """Learn the filters that `target` names, with commas between, or those that made the pictures in the
    folder `targets` of these.

    A place is a picture, or a folder, which stands for all pictures in it and below. `size` is that of the
    named filter, or 3, unless given. There are `count` filters, by default one for each name or each channel
    of the targets; where there are more, they begin again with the first. Writes a run folder: `out`, or a
    new one in `runs/learn-filter`. Raises FoveaError.
    """
    approach = approach or Approach()
    if out:
        Folder.check_free(out)
    true, size = known(target, targets, size)
    if count is not None:
        whole(count, "learn_filter", "filters", 1, MOST)
    rng = generator(seed, Draw.PARTS)
    if true is None:
        data = examples.by_folder(places, expanded(targets or ""), size, rng, approach.note)
    else:
        data = examples.by_filter(places, true, rng, approach.note)
    channels, depth = data.targets[0].shape[2], data.pictures[0].shape[2]
    names = _names(target) if true is not None else ["grey"] if channels == 1 else list(CHANNELS)
    if count is not None and count < channels:
        raise ShapeError(mismatch("filters", f"at least {channels}, for {', '.join(names)}", count))
    of = np.arange(count or channels) % channels
    names, true = [names[n] for n in of], None if true is None else true[..., of]

    approach.note(
        f"{len(data.pictures)} pictures; looking for {', '.join(names)} in filters of {size}×{size}×{depth}"
    )
    way = findings.Way(true)

    def progress(step: int, loss: float, W: np.ndarray) -> None:
        approach.step(step, loss, W, way.add(step, loss, W))

    approach.begin(names, true)
    try:
        result = learn_filter.learn_filter(
            data.pictures, data.certain, size, filters=len(names), steps=steps, seed=seed, progress=progress
        )
    finally:
        approach.end()
    folder = Folder.create_at(out) if out else Folder.create(TASK, "learn")
    arguments = {
        "task": TASK, "pictures": [_absolute(place) for place in places],
        "target": None if targets else target, "targets": targets and _absolute(targets),
        "size": size, "filters": len(names), "steps": steps, "seed": seed, "engine": engine.current(),
    }  # fmt: skip
    found = findings.found(result, names, true, data, folder)
    with folder.writing():
        folder.write_arguments(arguments)
        findings.write(found, data, way)
    return found


def known(target: str, targets: str | None, size: int | None) -> tuple[np.ndarray | None, int]:
    """The true W (f, f, 1, T), if it has names, and f. Raises FoveaError for what `learn` would not take."""
    if size is not None:
        checked_size(size)
    if targets is not None:
        if not expanded(targets).is_dir():
            raise DataError(mismatch(f"targets {targets}", "a folder of filtered pictures", "none"))
        return None, size or SIZE
    names = _names(target)
    for name in names:
        if name not in filters.names():
            raise ShapeError(mismatch("target", f"some of {', '.join(filters.names())}", repr(name)))
    W = filters.as_layer(*names, convention=CONVENTION).parameters["W"]
    least = max(W.shape[:2])
    if size is not None and size < least:
        raise ShapeError(mismatch("size", f"at least {least} for {target}", size))
    frame = [((size or least) - n) // 2 for n in W.shape[:2]]
    return np.pad(W, [(n, n) for n in frame] + [(0, 0), (0, 0)]), size or least


def _names(target: str) -> list[str]:
    return [name.strip() for name in target.split(",")]


def _absolute(place: str) -> str:
    return str(expanded(place).resolve())

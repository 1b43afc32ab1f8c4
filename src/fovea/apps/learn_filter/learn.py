"""Learning filters from pictures and their filtered versions."""

from collections.abc import Sequence

import numpy as np

from fovea import engine, filters
from fovea.apps.learn_filter import examples, findings
from fovea.apps.learn_filter.findings import Findings
from fovea.apps.learn_filter.progress import CHANNELS, Reporter
from fovea.errors import DataError, ShapeError, mismatch
from fovea.files import absolute, expanded
from fovea.filters import learn_filter
from fovea.filters.examples import MOST, checked_size
from fovea.names import counted
from fovea.ranges import whole
from fovea.seeds import Draw, generator
from fovea.training.run_folder import Folder

TASK = "learn-filter"
CONVENTION = "opencv"  # whole numbers, as in textbooks
SIZE = 3  # by default, of filters without a known size


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
    reporter: Reporter | None = None,
) -> Findings:
    """Learn the filters named in `target`, separated by commas, or those that produced the pictures in the
    folder `targets` from these.

    Each of `places` is a picture, or a folder with all pictures below it. `size` is by default that of the
    named filter, or 3. There are `count` filters, by default one per name or per channel of the targets;
    further filters repeat them in order. Writes a run folder: `out`, or a new one in `runs/learn-filter`.
    Raises FoveaError.
    """
    reporter = reporter or Reporter()
    if out:
        Folder.check_free(out)
    true, size = known(target, targets, size)
    if count is not None:
        whole(count, "learn_filter", "filters", 1, MOST)
    rng = generator(seed, Draw.PARTS)
    if true is None:
        data = examples.by_folder(places, expanded(targets or ""), size, rng, reporter.note)
    else:
        data = examples.by_filter(places, true, rng, reporter.note)
    channels, depth = data.targets[0].shape[2], data.pictures[0].shape[2]
    names = _names(target) if true is not None else ["grey"] if channels == 1 else list(CHANNELS)
    if count is not None and count < channels:
        raise ShapeError(mismatch("filters", f"at least {channels}, for {', '.join(names)}", count))
    repeats = np.arange(count or channels) % channels
    names, true = [names[n] for n in repeats], None if true is None else true[..., repeats]

    reporter.note(
        f"{counted(len(data.pictures), 'picture')}; "
        f"learning {', '.join(names)} with filters of {size}×{size}×{depth}"
    )
    trajectory = findings.Trajectory(true)

    def progress(step: int, loss: float, W: np.ndarray) -> None:
        reporter.step(step, loss, W, trajectory.add(step, loss, W))

    reporter.begin(names, true)
    try:
        result = learn_filter.learn_filter(
            data.pictures, data.certain, size, filters=len(names), steps=steps, seed=seed, progress=progress
        )
    finally:
        reporter.end()
    folder = Folder.create_at(out) if out else Folder.create(TASK, "learn")
    arguments = {
        "task": TASK, "pictures": [absolute(place) for place in places],
        "target": None if targets else target, "targets": targets and absolute(targets),
        "size": size, "filters": len(names), "steps": steps, "seed": seed, "engine": engine.current(),
    }  # fmt: skip
    found = findings.compare(result, names, true, data, folder)
    with folder.writing():
        folder.write_arguments(arguments)
        findings.write(found, data, trajectory)
    return found


def known(target: str, targets: str | None, size: int | None) -> tuple[np.ndarray | None, int]:
    """The true W (f, f, 1, T), or None if it is unknown, and f. Raises FoveaError for invalid arguments."""
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

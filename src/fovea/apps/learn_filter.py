"""Pictures and their filtered versions in, the filter out.

A run folder of its own has, beside what all have,

    best.safetensors    the filters as a network of one convolution
    filter.npy          the same numbers, W (f, f, C, F)
    filter.json         the same to read, with what is known of them
    results.csv         loss and largest error before each step
    progress.png        the filters on their way
    comparison.png      pictures, what should come of them, and what does
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fovea import descent, engine, filters, functional
from fovea.apps import filtered, learned_pictures
from fovea.apps.approach import CHANNELS, Approach
from fovea.apps.filtered import Filtered
from fovea.descent import Learned
from fovea.errors import DataError, ShapeError, mismatch
from fovea.files import write_whole
from fovea.filter_examples import checked_size
from fovea.layers import Conv2D
from fovea.network import Network
from fovea.runs import Folder

TASK = "learn-filter"
CONVENTION = "opencv"  # whole numbers, as they stand in books
SIZE = 3  # where nothing else says it
FAR = 0.01  # an error that more steps would not mend
WELL_EXPLAINED = 0.95
DRAWN = (0, 3, 10, 30)  # the steps whose filters are drawn, besides the last


@dataclass(frozen=True)
class Found:
    """What was learned: `names` of the filters (F), how far each is at most from the `true` one (None where
    that is not known), the part of the targets' variance that they explain, the run folder, and the pictures
    that could not be read, with the reason."""

    learned: Learned
    names: list[str]
    true: np.ndarray | None  # (f, f, 1, F)
    errors: np.ndarray | None  # (F,)
    explained: float
    folder: Folder
    bad: dict[str, str]


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
    true, size = known(target, targets, size)
    rng = np.random.default_rng([seed, 1])
    if true is None:
        data = filtered.by_folder(places, Path(targets or "").expanduser(), size, rng)
    else:
        data = filtered.by_filter(places, true, rng)
    channels, depth = data.targets[0].shape[2], data.pictures[0].shape[2]
    names = _names(target) if true is not None else ["grey"] if channels == 1 else list(CHANNELS)
    if count is not None and count < channels:
        raise ShapeError(mismatch("filters", f"at least {channels}, for {', '.join(names)}", count))
    of = np.arange(count or channels) % channels
    names, true = [names[n] for n in of], None if true is None else true[..., of]

    approach.note(
        f"{len(data.pictures)} pictures; looking for {', '.join(names)} in filters of {size}×{size}×{depth}"
    )
    on_the_way, rows = [], []

    def progress(step: int, loss: float, W: np.ndarray) -> None:
        error = None if true is None else float(np.abs(W - true).max())
        rows.append((step, loss, error))
        if step in DRAWN:
            on_the_way.append((step, W))
        approach.step(step, loss, W, error)

    approach.begin(names, true)
    try:
        learned = descent.learn_filter(
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
    errors = None if true is None else np.abs(learned.W - true).max(axis=(0, 1, 2))
    found = Found(learned, names, true, errors, _explained(data, learned), folder, data.bad)
    with folder.writing():
        folder.write_arguments(arguments)
        folder.write_bad_images(data.bad)
        _write(found, rows, data.pictures[0].shape)
        on_the_way.append((len(rows), learned.W))
        learned_pictures.progress(folder.path / "progress.png", on_the_way, names, true, rows)
        learned_pictures.comparison(
            folder.path / "comparison.png", data.pictures, data.targets, learned, names, data.cut_off
        )
    return found


def known(target: str, targets: str | None, size: int | None) -> tuple[np.ndarray | None, int]:
    """The true W (f, f, 1, T), if it has names, and f. Raises FoveaError for what `learn` would not take."""
    if size is not None:
        checked_size(size)
    if targets is not None:
        if not Path(targets).expanduser().is_dir():
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


def verdict(found: Found) -> str:
    """What the numbers are worth, in a sentence."""
    steps = len(found.learned.losses)
    if not found.learned.rests:
        return f"it was still on its way after {steps} steps: give more --steps"
    if found.errors is not None and found.errors.max() > FAR:
        return f"at rest after {steps} steps, but other filters do the same to these pictures: add some"
    if found.explained < WELL_EXPLAINED:
        return (
            f"at rest after {steps} steps, but no filter of this size makes these targets: the best explains "
            f"{max(found.explained, 0):.1%} of their variance"
        )
    return f"at rest after {steps} steps; {found.explained:.2%} of the targets' variance is explained"


def _explained(data: Filtered, learned: Learned) -> float:
    """1 − Σ (Z − T)² / Σ (T − mean T)²."""
    of = np.arange(learned.W.shape[3]) % data.targets[0].shape[2]
    T = np.concatenate([target[..., of].reshape(-1, len(of)) for target in data.certain])
    Z = np.concatenate(
        [
            functional.conv2d(picture[np.newaxis], learned.W, learned.b).reshape(-1, len(of))
            for picture in data.pictures
        ]
    )
    wrong, all_of_it = np.nansum((Z - T) ** 2), np.nansum((T - np.nanmean(T, axis=0)) ** 2)
    return float(1 - wrong / all_of_it) if all_of_it else 0.0


def _names(target: str) -> list[str]:
    return [name.strip() for name in target.split(",")]


def _write(found: Found, rows: list[tuple[Any, ...]], shape: tuple[int, ...]) -> None:
    """The numbers, and a network that filters pictures of `shape`."""
    W, b, folder = found.learned.W, found.learned.b, found.folder
    bias = found.true is None  # filters by name add no constant
    size, filters = W.shape[0], W.shape[3]
    network = Network([Conv2D(filters, size, padding="same", bias=bias)], shape, seed=None)
    network.parameters["conv1.W"][...] = W
    if bias:
        network.parameters["conv1.b"][...] = b
    network.save(folder.best)
    write_whole(folder.path / "filter.npy", lambda path: _save(path, W))
    content = {
        "names": found.names,
        "W": _readable(W),
        "b": b.tolist() if bias else None,
        "true": None if found.true is None else _readable(found.true),
        "largest_error": None if found.errors is None else found.errors.tolist(),
        "explained": found.explained,
        "loss": found.learned.losses[-1],
        "steps": len(found.learned.losses),
        "at_rest": found.learned.rests,
    }
    folder.write_json(folder.path / "filter.json", content)
    folder.write_table(folder.results, ("step", "loss", "largest_error"), rows)


def _readable(W: np.ndarray) -> list[Any]:
    """Filter after filter, in each channel after channel, in each row after row."""
    return W.transpose(3, 2, 0, 1).tolist()


def _save(path: Path, W: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, W, allow_pickle=False)


def _absolute(place: str) -> str:
    return str(Path(place).expanduser().resolve())

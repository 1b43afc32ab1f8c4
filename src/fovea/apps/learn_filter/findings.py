"""What a search for a filter came to, and its run folder, which has, beside what all have,

best.safetensors    the filters as a network of one convolution
filter.npy          the same numbers, W (f, f, C, F)
filter.json         the same to read, with what is known of them
results.csv         loss and largest error before each step
progress.png        the filters on their way
comparison.png      pictures, what should come of them, and what does
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fovea import functional
from fovea.apps.learn_filter import figures
from fovea.apps.learn_filter.examples import Filtered
from fovea.files import write_whole
from fovea.filters.learn_filter import Learned
from fovea.layers import Conv2D
from fovea.network import Network
from fovea.training.run_folder import Folder

FAR = 0.01  # an error that more steps would not mend
WELL_EXPLAINED = 0.95
DRAWN = (0, 3, 10, 30)  # the steps whose filters are drawn, besides the last


@dataclass
class Way:
    """The steps to the filter, `true` where it is known: a row of step, loss, largest error for each, and
    some filters."""

    true: np.ndarray | None
    rows: list[tuple[int, float, float | None]] = field(default_factory=list)
    drawn: list[tuple[int, np.ndarray]] = field(default_factory=list)

    def add(self, step: int, loss: float, W: np.ndarray) -> float | None:
        """One more; returns the largest error of W."""
        error = None if self.true is None else float(np.abs(W - self.true).max())
        self.rows.append((step, loss, error))
        if step in DRAWN:
            self.drawn.append((step, W))
        return error


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


def found(
    result: Learned, names: list[str], true: np.ndarray | None, data: Filtered, folder: Folder
) -> Found:
    """Hold what was learned to what is known, and to the pictures."""
    errors = None if true is None else np.abs(result.W - true).max(axis=(0, 1, 2))
    return Found(result, names, true, errors, _explained(data, result), folder, data.bad)


def verdict(found: Found) -> str:
    """What the numbers are worth, in a sentence."""
    steps = len(found.learned.losses)
    if not found.learned.rests:
        return f"not converged after {steps} steps: increase --steps"
    if found.errors is not None and found.errors.max() > FAR:
        return f"at rest after {steps} steps, but other filters do the same to these pictures: add some"
    if found.explained < WELL_EXPLAINED:
        return (
            f"at rest after {steps} steps, but no filter of this size makes these targets: the best explains "
            f"{max(found.explained, 0):.1%} of their variance"
        )
    return f"at rest after {steps} steps; {found.explained:.2%} of the targets' variance is explained"


def write(found: Found, data: Filtered, way: Way) -> None:
    """Fill the run folder. Raises OSError where that fails."""
    folder, names, true = found.folder, found.names, found.true
    folder.write_bad_images(found.bad)
    _write_numbers(found, way, data.pictures[0].shape)
    drawn = [*way.drawn, (len(way.rows), found.learned.W)]
    figures.progress(folder.path / "progress.png", drawn, names, true, way.rows)
    figures.comparison(
        folder.path / "comparison.png", data.pictures, data.targets, found.learned, names, data.cut_off
    )


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


def _write_numbers(found: Found, way: Way, shape: tuple[int, ...]) -> None:
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
    folder.write_table(folder.results, ("step", "loss", "largest_error"), way.rows)


def _readable(W: np.ndarray) -> list[Any]:
    """Filter after filter, in each channel after channel, in each row after row."""
    return W.transpose(3, 2, 0, 1).tolist()


def _save(path: Path, W: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, W, allow_pickle=False)

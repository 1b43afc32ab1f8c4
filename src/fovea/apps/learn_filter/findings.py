"""The result of learning a filter, and its run folder, which has, beside the files of every run,

best.safetensors    the filters as a network of one convolution
filter.npy          the same numbers, W (f, f, C, F)
filter.json         the same numbers and their errors, to read
results.csv         loss and largest error before each step
progress.png        the filters at some steps
comparison.png      pictures, their targets, and the outputs of the learned filters
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
from fovea.names import counted
from fovea.network import Network
from fovea.training.run_folder import Folder

FAR = 0.01  # an error that more steps would not reduce
WELL_EXPLAINED = 0.95
DRAWN = (0, 3, 10, 30)  # the steps whose filters are drawn, besides the last


@dataclass
class Trajectory:
    """The steps of the optimizer: (step, loss, largest error) for each, and the filters at some. `true` is
    the filter to find, if known."""

    true: np.ndarray | None
    rows: list[tuple[int, float, float | None]] = field(default_factory=list)
    drawn: list[tuple[int, np.ndarray]] = field(default_factory=list)

    def add(self, step: int, loss: float, W: np.ndarray) -> float | None:
        """Add a step; returns the largest error of W, if `true` is known."""
        error = None if self.true is None else float(np.abs(W - self.true).max())
        self.rows.append((step, loss, error))
        if step in DRAWN:
            self.drawn.append((step, W))
        return error


@dataclass(frozen=True)
class Findings:
    """The learned filters: their `names` (F), the largest error of each (None if the `true` filters are not
    known), the share of the targets' variance that they explain, the run folder, and the pictures that could
    not be read, with the reasons."""

    learned: Learned
    names: list[str]
    true: np.ndarray | None  # (f, f, 1, F)
    errors: np.ndarray | None  # (F,)
    explained: float
    folder: Folder
    bad: dict[str, str]


def compare(
    result: Learned, names: list[str], true: np.ndarray | None, data: Filtered, folder: Folder
) -> Findings:
    """Compare the learned filters with the true ones, if known, and with the targets."""
    errors = None if true is None else np.abs(result.W - true).max(axis=(0, 1, 2))
    return Findings(result, names, true, errors, _explained(data, result), folder, data.bad)


def verdict(found: Findings) -> str:
    """An assessment of the result in one sentence."""
    steps = counted(len(found.learned.losses), "step")
    if not found.learned.rests:
        return f"not converged after {steps}: increase --steps"
    if found.errors is not None and found.errors.max() > FAR:
        return f"converged after {steps}, but other filters fit these pictures as well: add pictures"
    if found.explained < WELL_EXPLAINED:
        return (
            f"converged after {steps}, but no filter of this size fits these targets: the best "
            f"explains {max(found.explained, 0):.1%} of their variance"
        )
    return f"converged after {steps}; {found.explained:.2%} of the targets' variance is explained"


def write(found: Findings, data: Filtered, trajectory: Trajectory) -> None:
    """Write the run folder. Raises OSError."""
    folder, names, true = found.folder, found.names, found.true
    folder.write_bad_images(found.bad)
    _write_numbers(found, trajectory, data.pictures[0].shape)
    drawn = [*trajectory.drawn, (len(trajectory.rows), found.learned.W)]
    figures.progress(folder.path / "progress.png", drawn, names, true, trajectory.rows)
    figures.comparison(
        folder.path / "comparison.png", data.pictures, data.targets, found.learned, names, data.cut_off
    )


def _explained(data: Filtered, learned: Learned) -> float:
    """1 − Σ (Z − T)² / Σ (T − mean T)²."""
    channels = np.arange(learned.W.shape[3]) % data.targets[0].shape[2]
    T = np.concatenate([target[..., channels].reshape(-1, len(channels)) for target in data.certain])
    Z = np.concatenate(
        [
            functional.conv2d(picture[np.newaxis], learned.W, learned.b).reshape(-1, len(channels))
            for picture in data.pictures
        ]
    )
    residual, total = np.nansum((Z - T) ** 2), np.nansum((T - np.nanmean(T, axis=0)) ** 2)
    return float(1 - residual / total) if total else 0.0


def _write_numbers(found: Findings, trajectory: Trajectory, shape: tuple[int, ...]) -> None:
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
    folder.write_table(folder.results, ("step", "loss", "largest_error"), trajectory.rows)


def _readable(W: np.ndarray) -> list[Any]:
    """Nested lists by filter, channel, row and column."""
    return W.transpose(3, 2, 0, 1).tolist()


def _save(path: Path, W: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, W, allow_pickle=False)

"""A confusion matrix as a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fovea.images.drawing import EMPTY, INK, MOST_NAMED, drawn, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERED = 20  # rows: with more, the numbers in the cells are unreadable


def draw_confusion(
    path: Path, matrix: np.ndarray, share: np.ndarray, names: Sequence[str], title: str, label: str
) -> None:
    """The numbers in `matrix`, true classes in rows and predicted ones in columns, shaded by `share`.

    The diagonal is blue. Mistakes are orange, on a scale of their own named `label`, because they are rare
    and the point of the figure.
    """
    count = len(names)
    right = np.eye(count, dtype=bool)
    worst = max(share[~right].max(initial=0), 1e-9)
    side = min(max(4.5, 2 + 0.5 * count), 14)
    with drawn(path, (side + 0.9, side)) as figure:
        axes = figure.subplots()
        axes.set_facecolor(EMPTY)
        axes.imshow(np.ma.masked_array(share, ~right | (share == 0)), cmap="Blues", vmin=0, vmax=1.3)
        wrong = axes.imshow(
            np.ma.masked_array(share, right | (share == 0)), cmap="Oranges", vmin=0, vmax=1.3 * worst
        )
        every = -(-count // MOST_NAMED)
        ticks, shown = range(0, count, every), [short(name) for name in names[::every]]
        if max(map(len, shown)) > 3:
            axes.set_xticks(ticks, shown, rotation=45, ha="right", rotation_mode="anchor")
        else:
            axes.set_xticks(ticks, shown)
        axes.set_yticks(ticks, shown)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(title, loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if count <= MOST_NUMBERED:
            _numbers(axes, matrix, share > np.where(right, 0.7, 0.9 * worst))
        if matrix[~right].any():
            bar = figure.colorbar(
                wrong, fraction=0.03, pad=0.03, boundaries=np.linspace(0, worst, 256), ticks=[0, worst],
                format="{x:.1%}", label=label,
            )  # fmt: skip
            bar.outline.set_visible(False)  # type: ignore[operator]
            bar.ax.tick_params(length=0)


def _numbers(axes: "Axes", matrix: np.ndarray, dark: np.ndarray) -> None:
    """White lines between the cells, and the number in each."""
    edges = np.arange(len(matrix) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", lw=1.5)
    axes.tick_params(which="minor", length=0)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = "white" if dark[row, column] else INK
        axes.text(column, row, f"{matrix[row, column]:,}", ha="center", va="center", color=colour, size=9)

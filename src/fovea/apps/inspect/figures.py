"""The figure of a data set: its pictures as points of a plane."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fovea.images.drawing import DARK, LIGHT, MOST_NAMED, drawn, optional, shades_of, short


@optional
def draw_plane(
    path: Path,
    points: np.ndarray,
    labels: np.ndarray,
    wrong: np.ndarray,
    classes: Sequence[str],
    dark: bool = False,
) -> None:
    """Pictures as points (N, 2), coloured by class, with the name of each class at its median; crosses mark
    misclassified pictures, `wrong` bool (N,). `dark` draws for a dark page."""
    ink, _, page = DARK if dark else LIGHT
    with drawn(path, (6.4, 5.4), dark) as figure:
        axes = figure.subplots()
        present = np.unique(labels).tolist()
        shades = dict(zip(present, shades_of(len(present)), strict=True))
        for label in present:
            members = labels == label
            for chosen, marker, size in ((members & ~wrong, "o", 9), (members & wrong, "x", 26)):
                x, y = points[chosen].T
                axes.scatter(x, y, s=size, color=shades[label], marker=marker, linewidths=1, alpha=0.8)
        card = {"boxstyle": "round,pad=0.2", "facecolor": page, "linewidth": 1.5, "alpha": 0.9}
        if len(present) <= MOST_NAMED:
            middles = np.array([np.median(points[labels == label], axis=0) for label in present])
            for label, (x, y) in zip(present, _apart(middles, np.ptp(points, axis=0)).tolist(), strict=True):
                axes.text(
                    x, y, short(str(classes[label])), color=ink, weight="bold", ha="center", va="center",
                    bbox=card | {"edgecolor": shades[label]},
                )  # fmt: skip
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)


def _apart(positions: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Positions (n, 2) of names, moved up as far as needed for no two names to overlap."""
    width, height = 0.16 * spread[0], 0.055 * spread[1]  # of a name
    free = positions.copy()
    for placed, name in enumerate(order := np.argsort(positions[:, 1])):
        below = free[order[:placed]]
        for x, y in below[np.argsort(below[:, 1])]:
            if abs(x - free[name, 0]) < width and abs(y - free[name, 1]) < height:
                free[name, 1] = y + height
    return free

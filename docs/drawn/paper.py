"""Sheets to draw on, and what is drawn: pictures, signed answers, grids of numbers.

Panels lie side by side, each under a title. Sheets are white and ink is dark, whatever the page around them.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

INK, BLUE, PALE, ORANGE, VIOLET = "#1f2933", "#0b6e99", "#b9cdd9", "#c2571a", "#7b4fa3"
SIDE, HEAD = 1.9, 0.4  # inches


def sheet(
    titles: Sequence[str], widths: Sequence[float] = (), high: float = SIDE
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each title; `widths` are relative."""
    widths = widths or [1.0] * len(titles)
    figure = Figure((SIDE * sum(widths) + 0.25 * (len(widths) + 1), high + HEAD), dpi=110)
    FigureCanvasAgg(figure)
    places = figure.add_gridspec(
        1, len(titles), width_ratios=widths, wspace=0.14,
        left=0.02, right=0.98, bottom=0.04, top=high / (high + HEAD),
    )  # fmt: skip
    panels = [figure.add_subplot(places[0, k]) for k in range(len(titles))]
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, size=9, color=INK, pad=5)
        bare(axes)
    return figure, panels


def bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.set_frame_on(False)


def picture(axes: Axes, image: np.ndarray) -> None:
    """A picture, grey (H, W) or in colour, from 0 to 1."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def signed(axes: Axes, answer: np.ndarray, largest: float | None = None) -> None:
    """Negative answers are orange, positive ones violet, none is white; `largest` has the deepest colour."""
    largest = largest or float(np.abs(answer).max()) or 1.0
    axes.imshow(answer, cmap="PuOr", vmin=-largest, vmax=largest, interpolation="nearest")


def numbers(axes: Axes, grid: np.ndarray, shares: np.ndarray | None = None) -> None:
    """A grid (H, W) with its numbers written in, the larger, the darker; or `shares` (H, W), 0 to 1, say how
    dark each cell is."""
    if shares is None:
        shares = (grid - grid.min()) / (float(np.ptp(grid)) or 1.0)
    for y, x in np.ndindex(grid.shape):
        share = 0.75 * float(shares[y, x])
        tint = tuple(1 - share * (1 - part) for part in to_rgb(BLUE))
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=tint, edgecolor=PALE))
        axes.text(
            x + 0.5, y + 0.54, f"{grid[y, x]:g}".replace("-", "−"), ha="center", va="center",
            size=9, color="white" if share > 0.55 else INK,
        )  # fmt: skip
    fit(axes, grid.shape)


def frame(
    axes: Axes, top: float, left: float, size: tuple[int, int], colour: str = ORANGE, inset: float = 0.0
) -> None:
    """The outline of a window of `size` whose first pixel is (top, left)."""
    axes.add_patch(
        Rectangle((left + inset, top + inset), size[1] - 2 * inset, size[0] - 2 * inset,
                  fill=False, edgecolor=colour, linewidth=2)
    )  # fmt: skip


def fit(axes: Axes, shape: tuple[int, ...]) -> None:
    axes.set(xlim=(-0.1, shape[1] + 0.1), ylim=(shape[0] + 0.1, -0.1), aspect="equal")

"""The figures of a learned filter: its convergence, and its effect on pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fovea import functional
from fovea.apps.learn_filter.progress import CHANNELS
from fovea.filters.learn_filter import Learned
from fovea.images.drawing import FAINT, INK, TRAIN, VAL, clear, drawn, logarithmic, optional, short
from fovea.names import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 9  # filters, or channels of filters
MOST_NUMBERED = 5  # rows and columns of a filter: the numbers of larger ones would be unreadable
MOST_PICTURES = 3
SIGNED = "RdBu_r"  # 0 is white, negative values are blue


@optional
def progress(
    path: Path,
    filters: Sequence[tuple[int, np.ndarray]],
    names: Sequence[str],
    true: np.ndarray | None,
    rows: Sequence[tuple[int, float, float | None]],
) -> None:
    """The `filters` (step, (f, f, C, F)) at some steps, the learned ones last, beside the `true` ones; and
    the curves of `rows` (step, loss, error)."""
    final = filters[-1][1] if true is None else true
    depth, count = final.shape[2:]
    shown = [(c, k) for c in range(count) for k in range(depth)][:MOST_ROWS]
    columns = [(f"step {step}", W) for step, W in filters[:-1]]
    columns += [(f"learned, {counted(filters[-1][0], 'step')}", filters[-1][1])]
    columns += [] if true is None else [("true", true)]
    with drawn(path, (1.7 * len(columns) + 0.6, 1.75 * len(shown) + 2.4)) as figure:
        parts: Any = figure.subfigures(2, 1, height_ratios=(1.75 * len(shown), 2.4))
        above, below = parts
        sheet = above.subplots(len(shown), len(columns), squeeze=False)
        for line, (c, k) in zip(sheet, shown, strict=True):
            most = max(float(np.abs(final[:, :, :, c]).max()), 1e-9)
            for axes, (title, W) in zip(line, columns, strict=True):
                _filter(axes, W[:, :, k, c], most)
                if axes in sheet[0]:
                    axes.set_title(title, size=9, loc="left")
            line[0].set_ylabel(
                short(names[c]) if depth == 1 else f"{short(names[c])} from {CHANNELS[k]}", size=9
            )
        _curves(below.subplots(), rows)


@optional
def comparison(
    path: Path,
    pictures: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    learned: Learned,
    names: Sequence[str],
    cut_off: bool,
) -> None:
    """For some pictures and filters: the picture, its target, and the output of the learned filter.

    Three filters for three colours make one coloured picture. With `cut_off`, the output is clipped like the
    targets.
    """
    colour = tuple(names) == CHANNELS
    views = {"in colour": slice(None)} if colour else {n: slice(c, c + 1) for c, n in enumerate(names)}
    chosen = [(n, name) for n in range(len(pictures)) for name in views]
    chosen = chosen[: max(MOST_PICTURES, min(len(views), MOST_ROWS))]
    shape = pictures[0].shape
    with drawn(path, (9.3, len(chosen) * (3.0 * shape[0] / shape[1] + 0.3))) as figure:
        sheet = figure.subplots(len(chosen), 3, squeeze=False)
        for line, (n, name) in zip(sheet, chosen, strict=True):
            channels = views[name]
            Z = functional.conv2d(pictures[n][np.newaxis], learned.W, learned.b)[0][:, :, channels]
            T = targets[n][:, :, np.arange(len(names))[channels] % targets[n].shape[2]]
            Z = Z.clip(0, 1) if cut_off else Z
            difference = np.abs(Z - T).max()
            margin = len(learned.W) // 2
            inner = pictures[n][margin : margin + len(Z), margin : margin + Z.shape[1]]
            most = 1.0 if colour else float(np.quantile(np.abs(T), 0.995)) or 1.0
            least = -most if T.min() < -0.05 * most else 0.0
            _picture(line[0], inner, 0, 1, "picture")
            _picture(line[1], T, least, most, f"target, {short(name)}")
            _picture(line[2], Z, least, most, f"learned; largest difference {difference:.1g}")


def _picture(axes: "Axes", picture: np.ndarray, least: float, most: float, title: str) -> None:
    flat = picture[:, :, 0] if picture.shape[2] == 1 else picture.clip(0, 1)
    axes.imshow(flat, cmap="gray", vmin=least, vmax=most)
    axes.set_title(title, size=9, loc="left")
    axes.axis("off")


def _filter(axes: "Axes", numbers: np.ndarray, most: float) -> None:
    axes.imshow(numbers, cmap=SIGNED, vmin=-1.25 * most, vmax=1.25 * most)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
    if max(numbers.shape) <= MOST_NUMBERED:
        for (row, column), value in np.ndenumerate(numbers):
            colour = "white" if abs(value) > 0.9 * most else INK
            words = f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")
            axes.text(column, row, words, ha="center", va="center", color=colour, size=8)


def _curves(axes: "Axes", rows: Sequence[tuple[int, float, float | None]]) -> None:
    steps = [step for step, _, _ in rows]
    axes.semilogy(steps, [loss for _, loss, _ in rows], color=TRAIN, lw=2, label="loss")
    if rows[0][2] is not None:
        axes.semilogy(
            steps, [error for _, _, error in rows], color=VAL, lw=2, label="largest error of the filter"
        )
    logarithmic(axes.yaxis)
    clear(axes)
    axes.set_xlabel("step")
    axes.legend(frameon=False)

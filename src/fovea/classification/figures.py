"""The figures of a classifier: learning curve, confusion matrix, worst mistakes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fovea.images.drawing import EMPTY, FAINT, INK, MOST_NAMED, VAL, clear, drawn, optional, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERED = 20  # classes: with more, the numbers in the cells of a confusion matrix are unreadable


@optional
def learning_curve(path: Path, points: Sequence[tuple[int, float, float, float]]) -> None:
    """The accuracy by the number of training pictures per class; `points` are (pictures, mean, lowest,
    highest)."""
    pictures, mean, low, high = (np.array(column) for column in zip(*points, strict=True))
    with drawn(path, (6, 4)) as figure:
        axes = figure.subplots()
        axes.fill_between(pictures, low, high, color=FAINT, lw=0)
        axes.plot(pictures, mean, color=VAL, lw=2, marker="o", ms=4)
        for x, y in zip(pictures, mean, strict=True):
            axes.annotate(f"{y:.1%}", (x, y), xytext=(0, 7), textcoords="offset points", ha="center")
        axes.set_xscale("log")
        axes.set_xticks(pictures, [f"{x:,}" for x in pictures], minor=False)
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
        axes.margins(x=0.08, y=0.2)
        axes.set_title("Accuracy by training pictures per class, without fine-tuning", loc="left")
        axes.set_xlabel("training pictures per class")
        clear(axes)


@optional
def confusion_matrix(path: Path, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """The number of pictures of each class (row) by predicted class (column), shaded by the share of the row.

    Correct predictions are blue. Mistakes are orange, on a scale of their own, because they are rare and the
    point of the figure.
    """
    count = len(classes)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
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
        ticks, names = range(0, count, every), [short(name) for name in classes[::every]]
        if max(map(len, names)) > 3:
            axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
        else:
            axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(f"{np.trace(matrix):,} of {matrix.sum():,} correct", loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if count <= MOST_NUMBERED:
            _numbers(axes, matrix, share > np.where(right, 0.7, 0.9 * worst))
        if matrix[~right].any():
            bar = figure.colorbar(
                wrong, fraction=0.03, pad=0.03, boundaries=np.linspace(0, worst, 256), ticks=[0, worst],
                format="{x:.1%}", label="mistakes, share of their class",
            )  # fmt: skip
            bar.outline.set_visible(False)  # type: ignore[operator]
            bar.ax.tick_params(length=0)


@optional
def mistakes(path: Path, pictures: np.ndarray, answers: Sequence[tuple[str, str, float]]) -> None:
    """A sheet of uint8 pictures (N, H, W, C), N ≥ 1, with (class, predicted, its probability) above each."""
    count = len(pictures)
    columns = min(count, 6)
    rows = -(-count // columns)
    height, width = pictures.shape[1:3]
    with drawn(path, (1.9 * columns, rows * (1.7 * height / width + 0.55))) as figure:
        sheet = figure.subplots(rows, columns, squeeze=False)
        for axes in sheet.flat:
            axes.axis("off")
        for axes, picture, (true, predicted, p) in zip(sheet.flat, pictures, answers, strict=False):
            grey = picture.shape[2] == 1
            axes.imshow(
                picture[:, :, 0] if grey else picture, cmap="gray" if grey else None, vmin=0, vmax=255
            )
            caption = f"{short(true, 22)}\npredicted {short(predicted, 12)} ({p:.0%})"
            # y=1: else matplotlib searches for a place above the ticks, which takes time.
            axes.set_title(caption, size=8, weight="normal", loc="left", y=1)


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

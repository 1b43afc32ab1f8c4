"""The figures of a classifier: learning curve, confusion matrix, worst mistakes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fovea.images.confusion import draw_confusion
from fovea.images.drawing import FAINT, VAL, clear, drawn, optional, short


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
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    title = f"{np.trace(matrix):,} of {matrix.sum():,} correct"
    draw_confusion(path, matrix, share, classes, title, "mistakes, share of their class")


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

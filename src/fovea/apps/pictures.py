"""The figures of a run: how training went, which classes are taken for which, and the worst mistakes.

matplotlib is loaded when the first figure is drawn, and draws without a display.
"""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fovea.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT = "#1f2933", "#d9dee4"
TRAIN, VAL = "#8a94a3", "#0b6e99"  # the measured thing stands out, what it is compared with steps back
MOST_NUMBERED = 20  # classes: beyond, the numbers in a confusion matrix's cells could not be read
MOST_NAMED = 60  # classes: beyond, only some names stand beside it


def results(path: Path, history: Sequence[Mapping[str, Any]], best_epoch: int) -> None:
    """Loss and accuracy of every epoch, on `train` and `val`; the best epoch is marked."""
    with _figure(path, (10, 4)) as figure:
        loss, accuracy = figure.subplots(1, 2)
        epochs = [row["epoch"] for row in history]
        for axes, title, name, unit in ((loss, "Loss", "loss", 1), (accuracy, "Accuracy (%)", "top1", 100)):
            for part, colour, label in (("train", TRAIN, "training"), ("val", VAL, "validation")):
                values = [row[f"{part}_{name}"] for row in history]
                if None not in values:
                    shown = [unit * value for value in values]
                    axes.plot(epochs, shown, color=colour, label=label, lw=2, marker="o", ms=4, clip_on=False)
            axes.axvline(best_epoch, color=FAINT, lw=6, zorder=0)
            axes.set_title(title, loc="left")
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            _clear(axes)
        loss.set_ylim(bottom=0)
        low, high = accuracy.get_ylim()
        accuracy.set_ylim(max(low, 0), min(high, 100))
        handles, labels = loss.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        accuracy.annotate(
            f"best: epoch {best_epoch}", (best_epoch, 0.03), xycoords=("data", "axes fraction"), color=INK,
            ha="right" if best_epoch > (epochs[0] + epochs[-1]) / 2 else "left",
            xytext=(-8 if best_epoch > (epochs[0] + epochs[-1]) / 2 else 8, 0), textcoords="offset points",
        )  # fmt: skip


def confusion_matrix(path: Path, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """How often each class (row) was taken for each (column); the shade is the share of the row."""
    count = len(classes)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(max(4.5, 2 + 0.5 * count), 14)
    with _figure(path, (side + 0.8, side)) as figure:
        axes = figure.subplots()
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        every = -(-count // MOST_NAMED)
        ticks, names = range(0, count, every), [_short(name) for name in classes[::every]]
        sideways = max(map(len, names)) > 3
        axes.set_xticks(ticks, names, rotation=45 if sideways else 0, ha="right" if sideways else "center",
                        rotation_mode="anchor" if sideways else None)  # fmt: skip
        axes.set_yticks(ticks, names)
        axes.set_xlabel("taken for")
        axes.set_ylabel("is")
        axes.set_title(f"{np.trace(matrix):,} of {matrix.sum():,} right", loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if count <= MOST_NUMBERED:
            axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
            axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
            axes.grid(which="minor", color="white", lw=1.5)
            axes.tick_params(which="minor", length=0)
            for row, column in zip(*np.nonzero(matrix), strict=True):
                colour = "white" if share[row, column] > 0.5 else INK
                axes.text(
                    column, row, f"{matrix[row, column]:,}", ha="center", va="center", color=colour, size=9
                )
        bar = figure.colorbar(image, fraction=0.04, pad=0.03, ticks=[0, 0.5, 1], format="{x:.0%}")
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.tick_params(length=0)


def mistakes(path: Path, pictures: np.ndarray, captions: Sequence[tuple[str, str]]) -> None:
    """A sheet of uint8 pictures (N, H, W, C), N ≥ 1, worst first; a caption is two lines."""
    count = len(pictures)
    columns = min(count, 6)
    rows = -(-count // columns)
    height, width = pictures.shape[1:3]
    with _figure(path, (1.9 * columns, rows * (1.7 * height / width + 0.55))) as figure:
        sheet = figure.subplots(rows, columns, squeeze=False)
        for axes in sheet.flat:
            axes.axis("off")
        for axes, picture, (is_, taken) in zip(sheet.flat, pictures, captions, strict=False):
            grey = picture.shape[2] == 1
            axes.imshow(
                picture[:, :, 0] if grey else picture, cmap="gray" if grey else None, vmin=0, vmax=255
            )
            axes.set_title(f"{is_}\n{taken}", size=8, loc="left")


@contextmanager
def _figure(path: Path, size: tuple[float, float]):
    """A figure of `size` inches, written to `path` at the end of the block, whole or not at all."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {
        "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
        "xtick.color": INK, "ytick.color": INK, "axes.titlesize": 11, "axes.titleweight": "bold",
    }  # fmt: skip
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box stands for it
        figure: Figure = Figure(size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        write_whole(path, lambda temporary: figure.savefig(temporary, format="png"))


def _clear(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.tick_params(length=0)


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"

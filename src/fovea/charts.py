"""The figures of a run: training curves, confusion matrix, worst mistakes.

matplotlib is loaded when the first figure is drawn, and needs no display. Names are drawn as text, never as
formulas. A figure that fails is reported on standard error and does not stop the run.
"""

import functools
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import numpy as np

from fovea.files import write_whole
from fovea.metrics import Measure
from fovea.names import visible, warn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_Rest = ParamSpec("_Rest")

INK, FAINT, EMPTY = "#1f2933", "#d9dee4", "#f4f6f8"
LIGHT, DARK = (INK, FAINT, "#ffffff"), ("#e4e9ee", "#303942", "#1d2329")  # ink, lines, page
TRAIN, VAL = "#8a94a3", "#0b6e99"  # grey for reference, blue for the main curve
MOST_NUMBERED = 20  # classes: with more, the numbers in the cells of a confusion matrix are unreadable
MOST_NAMED = 60  # classes: with more, only some are named


def optional(draw: Callable[Concatenate[Path, _Rest], None]) -> Callable[Concatenate[Path, _Rest], None]:
    """`draw`, which writes a figure to a path, with errors reported on standard error instead of raised."""

    @functools.wraps(draw)
    def tried(path: Path, *rest: _Rest.args, **named: _Rest.kwargs) -> None:
        log = logging.getLogger("matplotlib")  # it reports the folder of its own settings
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            draw(path, *rest, **named)
        except Exception as error:  # an error of matplotlib, a full disk: the run's results are safe
            warn(f"{path}: not drawn, {type(error).__name__}: {error}")
        finally:
            log.setLevel(level)

    return tried


@optional
def results(
    path: Path, history: Sequence[Mapping[str, Any]], best_epoch: int, measures: Sequence[Measure]
) -> None:
    """The `measures` of every epoch, on `train` and `val`, in reverse order; the best epoch is marked."""
    from matplotlib.ticker import MaxNLocator

    with drawn(path, (5 * len(measures), 4)) as figure:
        epochs = [row["epoch"] for row in history]
        panels = figure.subplots(1, len(measures), squeeze=False)[0]
        for axes, measure in zip(panels, reversed(measures), strict=True):
            unit = 100 if measure.share else 1
            for part, colour, label in (("train", TRAIN, "training"), ("val", VAL, "validation")):
                values = [row.get(f"{part}_{measure.name}") for row in history]
                shown = [unit * value for value in values if value is not None]
                if len(shown) == len(values):
                    axes.plot(epochs, shown, color=colour, label=label, lw=2, marker="o", ms=4, clip_on=False)
            axes.axvline(best_epoch, color=FAINT, lw=6, zorder=0)
            axes.set_title(f"{measure.title} (%)" if measure.share else measure.title, loc="left")
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
            clear(axes)
            if measure.share:
                low, high = axes.get_ylim()
                axes.set_ylim(max(low, 0), min(high, 100))
            elif measure.least == 0:
                axes.set_ylim(bottom=0)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        late = best_epoch > (epochs[0] + epochs[-1]) / 2
        panels[-1].annotate(
            f"best: epoch {best_epoch}", (best_epoch, 0.03), xycoords=("data", "axes fraction"),
            xytext=(-8 if late else 8, 0), textcoords="offset points", ha="right" if late else "left",
        )  # fmt: skip


@optional
def rates(path: Path, tried: Sequence[float], losses: Sequence[float], best: float) -> None:
    """The loss after a short training at each learning rate that was tried, without infinite ones; the `best`
    rate is marked."""
    with drawn(path, (6, 4)) as figure:
        axes = figure.subplots()
        known = [(rate, loss) for rate, loss in zip(tried, losses, strict=True) if isfinite(loss)]
        axes.plot(*zip(*known, strict=True), color=VAL, lw=2, marker="o", ms=4)
        axes.axvline(best, color=FAINT, lw=6, zorder=0)
        axes.set_xscale("log")
        logarithmic(axes.xaxis)
        axes.set_ylim(bottom=0)
        axes.set_title("Loss after a short training", loc="left")
        axes.set_xlabel("learning rate")
        axes.annotate(
            f"take {best:g}", (best, 0.03), xycoords=("data", "axes fraction"), xytext=(8, 0),
            textcoords="offset points",
        )  # fmt: skip
        clear(axes)


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
        axes.set_title("Accuracy by training pictures per class", loc="left")
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


@optional
def plane(
    path: Path,
    points: np.ndarray,
    labels: np.ndarray,
    wrong: np.ndarray,
    classes: Sequence[str],
    dark: bool = False,
) -> None:
    """Pictures as points (N, 2), coloured by class, with the name of each class at its median; crosses mark
    misclassified pictures, `wrong` bool (N,). `dark` draws for a dark page."""
    from matplotlib import colormaps

    ink, _, page = DARK if dark else LIGHT
    with drawn(path, (6.4, 5.4), dark) as figure:
        axes = figure.subplots()
        present = np.unique(labels).tolist()
        colours = colormaps["tab10" if len(present) <= 10 else "tab20" if len(present) <= 20 else "hsv"]
        shades = {
            label: colours(number if len(present) <= 20 else number / len(present))
            for number, label in enumerate(present)
        }
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


@contextmanager
def drawn(path: Path, size: tuple[float, float], dark: bool = False):
    """A figure of `size` inches, written to `path` at the end of the block, whole or not at all."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ink, faint, page = DARK if dark else LIGHT
    style: dict[Any, Any] = {
        "font.size": 10, "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": faint,
        "xtick.color": ink, "ytick.color": ink, "axes.titlesize": 11, "axes.titleweight": "bold",
        "figure.facecolor": page, "axes.facecolor": page, "text.parse_math": False, "text.usetex": False,
    }  # fmt: skip
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # the user's own settings might typeset names with TeX
        matplotlib.rcParams.update(style)
        warnings.simplefilter("ignore", UserWarning)  # letters missing from the font, names without room
        figure: Figure = Figure(size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        write_whole(
            path,
            lambda temporary: figure.savefig(temporary, format="png", bbox_inches="tight", pad_inches=0.15),
        )


def clear(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.tick_params(length=0)


def logarithmic(axis: "Axis") -> None:
    """Label ticks as in 1e-03: matplotlib draws powers as formulas."""
    from matplotlib.ticker import LogFormatter

    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter())


def short(name: str, most: int = 18) -> str:
    """A name in one line, cut to `most` characters."""
    name = visible(name)
    return name if len(name) <= most else f"{name[: most - 1]}…"

"""The figures of a run: measures by epoch, and losses by learning rate."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from fovea.images.drawing import FAINT, TRAIN, VAL, clear, drawn, logarithmic, optional, whole_numbers
from fovea.training.measure import Measure


@optional
def results(
    path: Path, history: Sequence[Mapping[str, Any]], best_epoch: int, measures: Sequence[Measure]
) -> None:
    """The `measures` of every epoch, on `train` and `val`, in reverse order; the best epoch is marked."""
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
            whole_numbers(axes.xaxis)
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

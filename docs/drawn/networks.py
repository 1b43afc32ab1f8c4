"""What many windows do: numbers of weights, layers, gradients."""

import numpy as np
from matplotlib.figure import Figure

from fovea.layers import Conv2D, Dense

from .paper import BLUE, INK, ORANGE, PALE, sheet


def explosion() -> Figure:
    """Weights against the side of a square picture in colour, on logarithmic axes."""
    sides = np.array([28, 64, 128, 256, 512, 1000])
    dense = [np.prod(Dense(1000).parameter_shapes((int(n) ** 2 * 3,))["W"]) for n in sides]
    shared = [np.prod(Conv2D(10, 3).parameter_shapes((int(n), int(n), 3))["W"]) for n in sides]
    figure, (axes,) = sheet(["weights of a first layer, for n×n pictures in colour"], [3.0], high=2.6)
    axes.set_position((0.14, 0.2, 0.6, 0.66))
    axes.set_frame_on(True)
    for counts, colour, name in ((dense, ORANGE, "1000 dense units"), (shared, BLUE, "10 filters of 3×3")):
        axes.loglog(sides, counts, "o-", color=colour, markersize=4)
        axes.text(1120, counts[-1], f"{name}:\n{counts[-1]:,}", color=colour, size=8, va="center")
    axes.set_xticks(sides, [str(n) for n in sides], size=8, color=INK)
    axes.set_xticks([], minor=True)
    axes.set_yticks(10.0 ** np.arange(2, 11, 2))
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_xlabel("n", size=9, color=INK)
    axes.set_ylim(50, 2e10)
    axes.grid(color=PALE, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES = {"explosion": explosion}

"""Figures of whole layers: numbers of weights, layers, gradients."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

import fovea
from fovea import functional
from fovea.layers import Conv2D, Dense, ReLU

from .paper import BLUE, INK, ORANGE, PALE, frame, numbers, picture, sheet, signed
from .windows import scene

HUES = (
    "#0b6e99", "#c2571a", "#7b4fa3", "#3f8f4f", "#c9a227", "#4b5bb5", "#b23a6b", "#2a9d8f", "#6b7280",
)  # fmt: skip
A_PREV = np.array([[1, 0, 2, 1], [3, 1, 0, 2], [0, 2, 1, 1], [1, 1, 3, 0]], np.float32)
EDGE = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32)
DZ = np.array([[1, 2], [0, -1]], np.float32)


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


def layer() -> Figure:
    """A filter, its bias, and ReLU, each by itself."""
    network = fovea.Network([Conv2D(1, 3), ReLU()], input_shape=(96, 96, 1))
    network.parameters["conv1.W"][:, :, 0, 0] = fovea.filters.weights("sobel-vertical", "opencv")
    image = scene()
    (_, sums, _), _ = network.forward_steps(image[None, :, :, None])
    network.parameters["conv1.b"][...] = -0.8
    (_, Z, _), (_, A, _) = network.forward_steps(image[None, :, :, None])
    figure, panels = sheet(["A_prev", "W ∗ A_prev", "Z, with b = −0.8", "A = max(Z, 0)"])
    picture(panels[0], image)
    largest = float(np.abs(Z).max())
    for axes, values in zip(panels[1:], (sums, Z, A), strict=True):
        signed(axes, values[0, :, :, 0], largest)
    return figure


def network() -> Figure:
    """course39 as boxes: as high as its pictures, as wide as they have channels."""
    course = fovea.models.course39()
    steps = [("input", (39, 39, 3))]
    steps += [
        (own.name, shape)
        for own, shape in zip(course.layers, course.shapes, strict=True)
        if not isinstance(own, ReLU)
    ]
    figure, (axes,) = sheet(["course39"], [4.4], high=2.4)
    left = 0.0
    for name, shape in steps:
        if len(shape) == 3:
            high, wide, slant = shape[0], 0.3 * shape[2], 0.3 * shape[0]
        else:
            high, wide, slant = 4 + 12 * np.log10(shape[0]), 1.5, 0.0
        low = -high / 2
        front = [(left, low), (left + wide, low), (left + wide, low + high), (left, low + high)]
        top = [
            front[3],
            front[2],
            (left + wide + slant, low + high + slant),
            (left + slant, low + high + slant),
        ]
        side = [front[1], (left + wide + slant, low + slant), top[2], front[2]]
        for corners, colour in ((front, BLUE), (top, PALE), (side, "#dce7ed")):
            axes.add_patch(Polygon(corners, facecolor=colour, edgecolor="white", linewidth=0.6))
        middle = left + (wide + slant) / 2
        label = f"{name}\n{'×'.join(map(str, shape))}"
        axes.text(middle, -22, label, ha="center", va="top", size=8, color=INK)
        left += wide + slant + 15
    axes.set(xlim=(-4, left), ylim=(-32, 33), aspect="equal")
    return figure


def as_matrix(n: int = 6, f: int = 3) -> np.ndarray:
    """A convolution as a dense layer's weights: (n·n inputs, outputs), each number that of its weight, or 0.

    It is found by asking for the answer to every picture that has a single 1.
    """
    units = np.eye(n * n, dtype=np.float32).reshape(n * n, n, n, 1)
    W = np.arange(1, f * f + 1, dtype=np.float32).reshape(f, f, 1, 1)
    return functional.conv2d(units, W, None).reshape(n * n, -1)


def why() -> Figure:
    matrix = as_matrix().T
    titles = [
        f"dense: {matrix.size} connections, {matrix.size} weights",
        f"convolution: {np.count_nonzero(matrix)} connections, {len(np.unique(matrix)) - 1} weights",
    ]
    figure, panels = sheet(titles, [2.0, 2.0], high=1.8)
    dense = np.random.default_rng(0).permutation(matrix.size).reshape(matrix.shape)
    panels[0].imshow(dense, cmap="turbo", interpolation="nearest")
    panels[1].imshow(matrix, cmap=ListedColormap(["#eef0f2", *HUES]), vmin=0, vmax=9, interpolation="nearest")
    return figure


def backpropagation() -> Figure:
    dA_prev, dW, db = functional.conv2d_backward(
        DZ[None, :, :, None], A_PREV[None, :, :, None], EDGE[:, :, None, None]
    )
    titles = ["A_prev", "W", "dZ", "dA_prev", "dW", "db"]
    figure, panels = sheet(titles, [0.95, 0.72, 0.5, 0.95, 0.72, 0.27], high=1.9)
    grids = (A_PREV, EDGE, DZ, dA_prev[0, :, :, 0], dW[:, :, 0, 0], db[None])
    for axes, grid in zip(panels, grids, strict=True):
        numbers(axes, grid, np.zeros(grid.shape))
    for place in (0, 3):
        frame(panels[place], 0, 1, (3, 3), inset=0.05)
    frame(panels[2], 0, 1, (1, 1), inset=0.05)
    return figure


PICTURES = {
    "explosion": explosion,
    "layer": layer,
    "network": network,
    "why": why,
    "backpropagation": backpropagation,
}

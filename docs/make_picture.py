"""Draws picture.png, the one in the README: digits on their way through a trained LeNet-5.

python docs/make_picture.py
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import fovea
from fovea.network import Network

INK, BLUE, PALE = "#1f2933", "#0b6e99", "#b9cdd9"
DIGITS = [1, 6, 11]  # of the test pictures
WIDTHS, SIDE, HEAD, GAP = (1.0, 6.25, 4.1, 2.3), 0.9, 0.45, 0.22  # inches; a picture is SIDE high
TITLES = (
    "picture",
    "what each of 6 learned 5×5 filters (top) answers, after ReLU",
    "and 16 more, after pooling",
    "probability of each class",
)


def main() -> None:
    digits = fovea.data.load("digits")
    network = fovea.models.lenet5()
    fovea.train(network, digits, epochs=5)
    pictures, _ = digits.test.read(DIGITS)
    draw(network, pictures, Path(__file__).with_name("picture.png"))


def answers(network: Network, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Each layer's output for `pictures`: the layer's name → (N, …)."""
    A, found = network.preprocessing.apply(pictures), {}
    for layer in network.layers:
        A, _ = layer.forward(A)
        found[layer.name] = A
    return found


def draw(network: Network, pictures: np.ndarray, path: Path) -> None:
    """The filters; below them a row for each picture: itself, two layers' answers, and the probabilities."""
    width = SIDE * sum(WIDTHS) + GAP * (len(WIDTHS) + 1)
    height = HEAD + (SIDE + GAP) * (len(pictures) + 1)
    figure = Figure((width, height), dpi=100)
    FigureCanvasAgg(figure)
    lefts = GAP + np.cumsum([0, *(SIDE * w + GAP for w in WIDTHS[:-1])])

    def cell(column: int, top: float, high: float = SIDE) -> Axes:
        wide = SIDE * WIDTHS[column]
        place = (lefts[column] / width, 1 - (top + high) / height, wide / width, high / height)
        return figure.add_axes(place, xticks=[], yticks=[], frame_on=False)

    for left, title in zip(lefts, TITLES, strict=True):
        figure.text(left / width, 1 - 0.28 / height, title, size=9, color=INK)
    filters = network.parameters["conv1.W"]  # (5, 5, 1, 6)
    largest = np.abs(filters).max()
    sheet = side_by_side(filters[:, :, 0].transpose(2, 0, 1), rows=1, scale=5)
    cell(1, HEAD).imshow(sheet, "PuOr", vmin=-largest, vmax=largest)

    maps, probabilities = answers(network, pictures), network.predict(pictures)
    for row, picture in enumerate(pictures):
        top = HEAD + (SIDE + GAP) * (row + 1)
        cell(0, top).imshow(picture[:, :, 0], "gray")
        for column, name, rows, scale in ((1, "relu1", 1, 1), (2, "relu2", 2, 1)):
            images = maps[name][row].transpose(2, 0, 1)
            cell(column, top).imshow(side_by_side(images, rows, scale), "Blues", vmin=0)
        _bars(cell(3, top, SIDE - 0.12), probabilities[row], network.classes or [])
    figure.savefig(path)


def side_by_side(images: np.ndarray, rows: int, scale: int) -> np.ndarray:
    """(N, H, W), N a multiple of `rows` → one array, each pixel `scale` times as large, gaps of NaN."""
    gap = max(scale * images.shape[1] // 14, 1)
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    padded = np.pad(large, ((0, 0), (0, gap), (0, gap)), constant_values=np.nan)
    stacked = np.vstack([np.hstack(list(part)) for part in np.split(padded, rows)])
    return stacked[:-gap, :-gap]


def _bars(axes: Axes, probabilities: np.ndarray, classes: list[str]) -> None:
    best = probabilities.argmax()
    axes.bar(classes, probabilities, color=[BLUE if k == best else PALE for k in range(len(classes))])
    axes.axhline(0, color=PALE, lw=1)
    axes.set(ylim=(0, 1), yticks=[])
    axes.set_xticks(range(len(classes)), classes)
    axes.tick_params(length=0, labelsize=8, colors=INK, pad=2)


if __name__ == "__main__":
    main()

"""A data set as the network sees it: embedded in two dimensions, and the confused classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fovea import seeing
from fovea.apps.inspect import render
from fovea.apps.inspect.figures import draw_plane
from fovea.apps.inspect.report import Figure, Section
from fovea.classification.measuring import Material, Measured
from fovea.errors import FoveaError
from fovea.names import counted, file_name
from fovea.network import Network

MOST_POINTS, MOST_NEIGHBOURS = 2000, 1000  # pictures for PCA, and for t-SNE, which is slower
PAIRS, EXAMPLES = 8, 6


def overview(
    network: Network, names: Sequence[str], data: Material, measured: Measured, folder: Path
) -> list[Section]:
    """The sections on both, with their files in `folder`. Raises OSError."""
    folder.mkdir()
    return [_plane(network, names, data, measured, folder), _confused(names, data, measured, folder)]


def _plane(
    network: Network, names: Sequence[str], data: Material, measured: Measured, folder: Path
) -> Section:
    chosen = _evenly(np.flatnonzero(measured.labels >= 0), MOST_POINTS)
    F = seeing.features(network, data.read(chosen))
    labels, wrong = measured.labels[chosen], measured.predicted[chosen] != measured.labels[chosen]

    def figure(name: str, points: np.ndarray, rows: np.ndarray, caption: str) -> Figure:
        light, dark = folder / f"{name}.png", folder / f"{name}-dark.png"
        for path in (light, dark):
            draw_plane(path, points, labels[rows], wrong[rows], names, dark=path == dark)
        title = {"pca": "PCA", "tsne": "t-SNE"}[name]
        alt = f"{counted(len(points), 'picture')} as points in a plane by {title}, coloured by class"
        return Figure(light, alt, caption, title, dark, wide=True)

    pca = seeing.pca(F, min(2, *F.shape))
    points = np.zeros((len(F), 2))
    points[:, : pca.points.shape[1]] = pca.points
    caption = f"The first two principal components explain {pca.explained.sum():.0%} of the variance."
    figures = [figure("pca", points, np.arange(len(F)), caption)]
    words = [
        f"{counted(len(chosen), 'picture')} of {data.splits.name}, by the "
        f"{counted(F.shape[1], 'input')} of the last layer. "
        "Pictures that are similar to the network are close together; crosses are misclassified pictures."
    ]
    few = _evenly(np.arange(len(F)), MOST_NEIGHBOURS)
    try:
        if len(few) >= 3:
            caption = "Neighbours stay neighbours; distances between groups have no meaning."
            figures.append(figure("tsne", seeing.tsne(F[few]), few, caption))
    except FoveaError as why:
        words.append(f"{why}.")
    return Section("The data in two dimensions", words, figures=figures)


def _evenly(numbers: np.ndarray, most: int) -> np.ndarray:
    """`most` of `numbers` at equal distances, or all if there are fewer."""
    count = min(most, len(numbers))
    return numbers[np.arange(count) * len(numbers) // max(count, 1)]


def _confused(names: Sequence[str], data: Material, measured: Measured, folder: Path) -> Section:
    wrong = measured.wrong
    n = measured.metrics["n"]
    right = f"{n - len(wrong):,} of {n:,} predictions are correct ({measured.metrics['top1']:.1%})."
    if not len(wrong):
        return Section("Confused classes", [f"{right} No classes are confused."])
    figures = []
    for pair in measured.mistakes.pairs()[:PAIRS]:
        true, predicted = names.index(pair["class"]), names.index(pair["predicted"])
        chosen = (measured.labels[wrong] == true) & (measured.predicted[wrong] == predicted)
        tiles = list(data.read(wrong[chosen][:EXAMPLES]))
        file = file_name(f"{pair['class']}-{pair['predicted']}")
        path = folder / "confused" / f"{true}-{predicted}-{file}.png"
        render.write(path, render.sheet(tiles, 3, 96))
        count = f"{pair['n']:,} times" if pair["n"] > 1 else "once"
        title = f"{pair['class']} predicted as {pair['predicted']}"
        figures.append(
            Figure(
                path,
                f"Pictures of {title}",
                f"{count}{'.' if len(tiles) == pair['n'] else '; the worst are shown.'}",
                title,
            )
        )
    return Section("Confused classes", [f"{right} The most frequent confusions come first."], figures=figures)

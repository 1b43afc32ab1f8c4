"""A picture, the answer to it, and where that comes from; each part writes its files and tells of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fovea import seeing
from fovea.apps.inspect import render
from fovea.apps.inspect.report import Figure, Section
from fovea.errors import ShapeError
from fovea.network import Network

LIKELIEST = 5  # classes whose probabilities are shown


@dataclass(frozen=True)
class Read:
    """A picture: its file and its size (H, W) there; uint8 as the network takes it, (H, W, C), and as people
    see it, RGB of any size."""

    file: str
    size: tuple[int, int]
    pixels: np.ndarray
    photo: np.ndarray

    @property
    def name(self) -> str:
        return Path(self.file).name


@dataclass(frozen=True)
class Sight:
    """A picture and its way through the network; the class that is explained, where there are classes, the
    layer and the position in it that are asked for, and where the files go."""

    passage: seeing.Passage
    names: Sequence[str]
    picture: Read
    number: int | None
    layer: str | None
    position: tuple[int, ...] | None
    folder: Path

    @property
    def network(self) -> Network:
        return self.passage.network

    @property
    def class_name(self) -> str:
        assert self.number is not None, "there are no classes"
        return self.names[self.number]

    def heat(self, name: str, values: np.ndarray, *, smooth: bool = True) -> Path:
        """Write `values` in colour over the picture."""
        return self.write(name, render.heat(self.picture.photo, values, smooth=smooth))

    def write(self, name: str, picture: np.ndarray) -> Path:
        return render.write(self.folder / name, picture)


def answer(sight: Sight) -> Section:
    """The picture, what the network takes of it, and the probabilities."""
    picture, (H, W), (h, w, C) = sight.picture, sight.picture.size, sight.network.input_shape
    taken = render.shown(picture.pixels)
    size, kind = f"{h} rows, {w} columns", "grey" if C == 1 else "colour"
    figures = [
        Figure(
            sight.write("picture.png", picture.photo),
            alt=f"The picture {picture.name}",
            caption=f"{H} rows, {W} columns.",
            name="The picture",
        ),
        Figure(
            sight.write("input.png", taken),
            alt=f"The same picture in {size}",
            caption=f"{size}, {kind}.",
            name="What the network takes in",
        ),
    ]
    if sight.number is None:
        return Section("The picture", figures=figures)
    return Section("The answer", *_probabilities(sight, sight.number), figures)


def _probabilities(sight: Sight, number: int) -> tuple[list[str], list[tuple[str, float, bool]]]:
    """In words, and as bars."""
    names, p = sight.names, sight.passage.probabilities
    best = int(p.argmax())
    words = [f"The network says {names[best]}, with a probability of {p[best]:.1%}."]
    if number != best:
        words.append(f"What follows explains {names[number]}, as was asked.")
    order = sorted({*np.argsort(-p, kind="stable")[:LIKELIEST].tolist(), number}, key=lambda i: -p[i])
    return words, [(names[i], float(p[i]), i == number) for i in order]


def importance(sight: Sight, progress: Callable[[int, int], object]) -> Section:
    """Saliency, Grad-CAM and occlusion of the class."""
    words = ["Colours run from nothing to the largest value of each picture."]
    figures = [_saliency(sight)]
    try:
        figures.append(_grad_cam(sight))
    except ShapeError as why:
        words.append(f"There is no Grad-CAM here. {why}.")
    figures.append(_occlusion(sight, progress))
    return Section(f"What makes it {sight.class_name}", words, figures=figures, legend=True)


def _saliency(sight: Sight) -> Figure:
    name = sight.class_name
    M = seeing.saliency(sight.network, sight.picture.pixels, sight.number)
    caption = f"How much the logit of {name}, its value before the softmax, changes with each pixel."
    if not M.any():
        caption = f"The logit of {name} changes with no pixel: its gradient is 0 everywhere."
    path = sight.heat("saliency.png", M, smooth=False)
    return Figure(path, f"Saliency for {name} over the picture", caption, "Saliency")


def _grad_cam(sight: Sight) -> Figure:
    name, layer = sight.class_name, seeing.cam_layer(sight.network, sight.layer)
    M = seeing.grad_cam(sight.network, sight.picture.pixels, sight.number, sight.layer)
    caption = f"Where the maps of {layer} have what raises the logit of {name}."
    if not M.any():
        caption = f"Nothing in the maps of {layer} raises the logit of {name}."
    return Figure(sight.heat("grad_cam.png", M), f"Grad-CAM for {name} over the picture", caption, "Grad-CAM")


def _occlusion(sight: Sight, progress: Callable[[int, int], object]) -> Figure:
    name, pixels = sight.class_name, sight.picture.pixels
    D = np.nan_to_num(seeing.occlusion(sight.network, pixels, sight.number, progress=progress))
    (f_H, f_W), _ = seeing.patch_and_stride((pixels.shape[0], pixels.shape[1]))
    lost, gained = D.max() * 100, -D.min() * 100  # in points of probability
    caption = (
        f"A patch of {f_H}×{f_W} pixels there takes up to {lost:.0f} points from the probability of {name}."
    )
    if lost < 0.5:
        caption = f"No patch of {f_H}×{f_W} pixels takes anything from the probability of {name}."
    if gained >= 0.5:
        caption += f" Where it is blue, a patch adds up to {gained:.0f}."
    path = sight.heat("occlusion.png", D if max(lost, gained) >= 0.5 else np.zeros_like(D))
    return Figure(path, f"Occlusion for {name} over the picture", caption, "Occlusion")

"""The sections on one picture: the prediction, and the pixels that it depends on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fovea import seeing
from fovea.apps.inspect import render
from fovea.apps.inspect.report import Figure, Section
from fovea.errors import ShapeError
from fovea.names import counted
from fovea.network import Network

LIKELIEST = 5  # classes whose probabilities are shown


@dataclass(frozen=True)
class Read:
    """A picture: its file and its size (H, W) there; `pixels` uint8 (H, W, C), the network's input; and
    `photo`, RGB of any size, to show."""

    file: str
    size: tuple[int, int]
    pixels: np.ndarray
    photo: np.ndarray

    @property
    def name(self) -> str:
        return Path(self.file).name


@dataclass(frozen=True)
class Subject:
    """A picture to explain, with its forward pass; the class to explain, if there are classes; the layer and
    the position in it, if chosen; and the folder for the files."""

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


def answer(subject: Subject) -> Section:
    """The picture, the network's input, and the probabilities."""
    picture, (H, W), (h, w, C) = subject.picture, subject.picture.size, subject.network.input_shape
    input_picture = render.shown(picture.pixels)
    size, kind = f"{counted(h, 'row')}, {counted(w, 'column')}", "grey" if C == 1 else "colour"
    figures = [
        Figure(
            subject.write("picture.png", picture.photo),
            alt=f"The picture {picture.name}",
            caption=f"{counted(H, 'row')}, {counted(W, 'column')}.",
            name="The picture",
        ),
        Figure(
            subject.write("input.png", input_picture),
            alt=f"The same picture in {size}",
            caption=f"{size}, {kind}.",
            name="The network's input",
        ),
    ]
    if subject.number is None:
        return Section("The picture", figures=figures)
    return Section("The prediction", *_probabilities(subject, subject.number), figures)


def _probabilities(subject: Subject, number: int) -> tuple[list[str], list[tuple[str, float, bool]]]:
    """In words, and as bars."""
    names, p = subject.names, subject.passage.probabilities
    best = int(p.argmax())
    words = [f"The prediction is {names[best]}, with a probability of {p[best]:.1%}."]
    if number != best:
        words.append(f"The explanations are for {names[number]}, as requested.")
    order = sorted({*np.argsort(-p, kind="stable")[:LIKELIEST].tolist(), number}, key=lambda i: -p[i])
    return words, [(names[i], float(p[i]), i == number) for i in order]


def importance(subject: Subject, progress: Callable[[int, int], object]) -> Section:
    """Saliency, Grad-CAM and occlusion of the class."""
    words = ["Colours are scaled to the largest value of each picture."]
    figures = [_saliency(subject)]
    try:
        figures.append(_grad_cam(subject))
    except ShapeError as why:
        words.append(f"There is no Grad-CAM here. {why}.")
    figures.append(_occlusion(subject, progress))
    return Section(f"Evidence for {subject.class_name}", words, figures=figures, legend=True)


def _saliency(subject: Subject) -> Figure:
    name = subject.class_name
    M = seeing.saliency(subject.network, subject.picture.pixels, subject.number)
    caption = f"The gradient of the logit of {name}, its value before the softmax, by each pixel."
    if not M.any():
        caption = f"The logit of {name} does not depend on the pixels: its gradient is 0 everywhere."
    path = subject.heat("saliency.png", M, smooth=False)
    return Figure(path, f"Saliency for {name} over the picture", caption, "Saliency")


def _grad_cam(subject: Subject) -> Figure:
    name, layer = subject.class_name, seeing.cam_layer(subject.network, subject.layer)
    M = seeing.grad_cam(subject.network, subject.picture.pixels, subject.number, subject.layer)
    caption = f"The places in the maps of {layer} that raise the logit of {name}."
    if not M.any():
        caption = f"Nothing in the maps of {layer} raises the logit of {name}."
    return Figure(
        subject.heat("grad_cam.png", M), f"Grad-CAM for {name} over the picture", caption, "Grad-CAM"
    )


def _occlusion(subject: Subject, progress: Callable[[int, int], object]) -> Figure:
    name, pixels = subject.class_name, subject.picture.pixels
    D = np.nan_to_num(seeing.occlusion(subject.network, pixels, subject.number, progress=progress))
    (f_H, f_W), _ = seeing.patch_and_stride((pixels.shape[0], pixels.shape[1]))
    lost, gained = D.max() * 100, -D.min() * 100  # in points of probability
    caption = (
        f"Covering {f_H}×{f_W} pixels there lowers the probability of {name} by up to {lost:.0f} points."
    )
    if lost < 0.5:
        caption = f"Covering {f_H}×{f_W} pixels does not lower the probability of {name} anywhere."
    if gained >= 0.5:
        caption += f" In blue places it raises it by up to {gained:.0f} points."
    path = subject.heat("occlusion.png", D if max(lost, gained) >= 0.5 else np.zeros_like(D))
    return Figure(path, f"Occlusion for {name} over the picture", caption, "Occlusion")

"""The sections on layers: receptive fields, maps and filters."""

from math import ceil, sqrt
from pathlib import Path

import numpy as np

from fovea import seeing
from fovea.apps.inspect import render
from fovea.apps.inspect.explanation import Subject
from fovea.apps.inspect.report import Figure, Section
from fovea.layers import Conv2D, Flatten
from fovea.names import counted
from fovea.network import Network
from fovea.network.summary import outputs, times

MOST_FIELDS = 8  # layers whose fields are drawn
NEAR = 12  # a field smaller than 1/NEAR of a picture is shown enlarged
# Of each layer but the chosen one, which shows all.
MOST_TILES, MOST_VALUES = 64, 1024  # maps or filters, and values of layers without maps
COLUMNS = 8


def fields(subject: Subject) -> Section:
    """The receptive field of the strongest unit of each layer with windows."""
    pairs = zip(subject.network.layers, subject.network.input_shapes, strict=True)
    layers = [layer.name for layer, shape in pairs if layer.window(shape) is not None]
    if len(layers) > MOST_FIELDS:
        layers = [layers[i] for i in np.linspace(0, len(layers) - 1, MOST_FIELDS).round().astype(int)]
    if subject.layer and subject.layer not in layers:
        layers.append(subject.layer)
    if not layers:
        return Section("Receptive fields", ["No layer has windows: each unit sees the whole picture."])
    chosen = "" if subject.position is None else f", of {subject.layer} the chosen unit"
    words = [
        f"Of each layer the unit with the largest value{chosen}. The outline is its receptive field; the "
        "colour shows the pixels that its value depends on in this picture."
    ]
    return Section("Receptive fields", words, figures=[_field(subject, layer) for layer in layers])


def _field(subject: Subject, layer: str) -> Figure:
    A = np.nan_to_num(subject.passage.outputs[layer][0])
    if layer == subject.layer and subject.position is not None:
        position = subject.position
    else:
        position = tuple(map(int, np.unravel_index(A.argmax(), A.shape)))[: max(A.ndim - 1, 1)]
    channel = int(A[position].argmax()) if A.ndim == 3 else None
    field = seeing.receptive_field(subject.network, layer, position)
    effect = seeing.effective_field(subject.network, subject.picture.pixels, layer, position, channel)
    top, left, bottom, right = field.box
    photo, pixels, box, caption = subject.picture.photo, field.pixels, field.box, ""
    if max(bottom - top, right - left) * NEAR < max(pixels.shape):
        rows, columns = _around(top, bottom, pixels.shape[0]), _around(left, right, pixels.shape[1])
        photo = render.shown(subject.picture.pixels[rows, columns])
        effect, pixels = effect[rows, columns], pixels[rows, columns]
        box = top - rows.start, left - columns.start, bottom - rows.start, right - columns.start
        caption = f" Shown with {times(pixels.shape)} pixels around it."
    lit = render.heat(photo, effect, smooth=False)
    place = f"number {position[0]}"
    if channel is not None:
        place = f"row {position[0]}, column {position[1]}, map {channel}"
    return Figure(
        subject.write(f"fields/{layer}.png", render.spotlit(lit, pixels, box)),
        alt=f"The receptive field of a unit of {layer} at {place}: rows {top} to {bottom - 1} and columns "
        f"{left} to {right - 1}",
        caption=f"The unit at {place} sees {bottom - top}×{right - left} pixels.{caption}",
        name=layer,
    )


def _around(first: int, last: int, n: int) -> slice:
    """Pixels first … last of n with a margin around them, NEAR times as many in all."""
    count = min(max((last - first) * NEAR, 24), n)
    start = min(max((first + last - count) // 2, 0), n - count)
    return slice(start, start + count)


def maps(subject: Subject) -> Section:
    """The output of every layer."""
    layers = [layer for layer in subject.network.layers if not isinstance(layer, Flatten)]  # moves no values
    words = [
        "The output of each layer, in rows from map 0. White is the largest value of the layer; black is 0, "
        "or middle grey is 0 if some values are negative."
    ]
    figures = [_maps(subject, layer.name, type(layer).__name__) for layer in layers]
    return Section("Feature maps", words, figures=figures)


def _maps(subject: Subject, layer: str, kind: str) -> Figure:
    A = np.nan_to_num(subject.passage.outputs[layer][0], nan=0.0, posinf=0.0, neginf=0.0)
    shades = render.grey(A, float(np.abs(A).max()))
    if A.ndim == 3:
        tiles, columns, side, most = shades.transpose(2, 0, 1)[..., None], COLUMNS, 96, MOST_TILES
        content = f"{counted(A.shape[2], 'map')} of {A.shape[0]}×{A.shape[1]}"
    else:
        tiles, columns, most = shades.reshape(-1, 1, 1, 1), ceil(sqrt(3 * A.size)), MOST_VALUES
        content, side = counted(A.size, "value"), max(4, 640 // columns)
    shown = tiles if layer == subject.layer else tiles[:most]
    some = f", of which the first {most} are shown" if len(shown) < len(tiles) else ""
    low, high = (f"{value:.3g}".replace("-", "−") for value in (A.min(), A.max()))
    return Figure(
        subject.write(f"maps/{layer}.png", render.sheet(list(shown), min(columns, len(shown)), side)),
        alt=f"Output of {layer}: {content}",
        caption=f"{kind}: {content}{some}, from {low} to {high}.",
        name=layer,
        wide=True,
    )


def filters(network: Network, layer: str | None, folder: Path) -> Section:
    """The filters of every convolution."""
    figures = [
        _filters(name, seeing.filter_pictures(seeing.filters(network, name)), name == layer, folder)
        for name in (conv.name for conv in network.layers if isinstance(conv, Conv2D))
    ]
    words = ["The learned filters. Middle grey is a weight of 0, white the largest."]
    return Section("Filters", words if figures else ["This network has no convolution."], figures=figures)


def _filters(layer: str, stack: np.ndarray, whole: bool, folder: Path) -> Figure:
    """The figure of a layer's filters, `stack` from `seeing.filter_pictures`."""
    count, slices, f_H, f_W, channels = stack.shape
    content = f"{counted(count, 'filter')} of {f_H}×{f_W}"
    if slices == 1:
        content += " in colour" if channels == 3 else " on one channel"
        shown = stack if whole else stack[:MOST_TILES]
        columns, side, words = min(len(shown), COLUMNS), 64, ""
    else:
        content += f" on {counted(slices, 'channel')}"
        shown = stack if whole else stack[:COLUMNS, : 2 * COLUMNS]
        columns, side = shown.shape[1], 32
        words = " Each row is a filter, each column an input channel."
    if shown.shape != stack.shape:
        words += f" The first {counted(len(shown), 'filter')} are shown" + (
            f", on the first {counted(shown.shape[1], 'channel')}." if shown.shape[1] < slices else "."
        )
    tiles = list(shown.reshape(-1, f_H, f_W, channels))
    path = render.write(folder / f"{layer}.png", render.sheet(tiles, columns, side))
    return Figure(path, f"{layer}: {content}", f"{content}.{words}", layer, wide=True)


def facts(network: Network) -> str:
    """The network in a sentence."""
    content = f"{counted(len(network.layers), 'layer')} with {counted(network.parameter_count, 'parameter')}"
    end = outputs(network)
    if network.ends_in_classes:
        end = counted(network.output_shape[0], "class")
    return f"{content}, from pictures of {times(network.input_shape)} to {end}."

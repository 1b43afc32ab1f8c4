"""What the layers of a network do with a picture: their fields, their maps, their filters."""

from math import ceil, sqrt
from pathlib import Path

import numpy as np

from fovea import seeing
from fovea.apps.inspect import render
from fovea.apps.inspect.explanation import Sight
from fovea.apps.inspect.report import Figure, Section
from fovea.layers import Conv2D, Flatten
from fovea.network import Network
from fovea.network.summary import outputs, times

MOST_FIELDS = 8  # layers whose fields are drawn
NEAR = 12  # a field of less than this part of a picture is shown from near by
# Of a layer; the one that is asked for shows all that it has.
MOST_TILES, MOST_VALUES = 64, 1024  # maps or filters, and values where there are no maps
COLUMNS = 8


def fields(sight: Sight) -> Section:
    """What the strongest unit of each layer with windows sees."""
    pairs = zip(sight.network.layers, sight.network.input_shapes, strict=True)
    layers = [layer.name for layer, shape in pairs if layer.window(shape) is not None]
    if len(layers) > MOST_FIELDS:
        layers = [layers[i] for i in np.linspace(0, len(layers) - 1, MOST_FIELDS).round().astype(int)]
    if sight.layer and sight.layer not in layers:
        layers.append(sight.layer)
    if not layers:
        return Section("What one unit sees", ["No layer has windows: each unit sees the whole picture."])
    asked = "" if sight.position is None else f", and of {sight.layer} the one that was asked for"
    words = [
        f"Of each layer the unit with the largest value{asked}: the outline is its receptive field, all that "
        "it can see; the colour is what its value depends on in this picture."
    ]
    return Section("What one unit sees", words, figures=[_field(sight, layer) for layer in layers])


def _field(sight: Sight, layer: str) -> Figure:
    A = np.nan_to_num(sight.passage.outputs[layer][0])
    if layer == sight.layer and sight.position is not None:
        position = sight.position
    else:
        position = tuple(map(int, np.unravel_index(A.argmax(), A.shape)))[: max(A.ndim - 1, 1)]
    channel = int(A[position].argmax()) if A.ndim == 3 else None
    field = seeing.receptive_field(sight.network, layer, position)
    effect = seeing.effective_field(sight.network, sight.picture.pixels, layer, position, channel)
    top, left, bottom, right = field.box
    photo, pixels, box, caption = sight.picture.photo, field.pixels, field.box, ""
    if max(bottom - top, right - left) * NEAR < max(pixels.shape):
        rows, columns = _around(top, bottom, pixels.shape[0]), _around(left, right, pixels.shape[1])
        photo = render.shown(sight.picture.pixels[rows, columns])
        effect, pixels = effect[rows, columns], pixels[rows, columns]
        box = top - rows.start, left - columns.start, bottom - rows.start, right - columns.start
        caption = f" Here are {times(pixels.shape)} around them."
    lit = render.heat(photo, effect, smooth=False)
    place = f"number {position[0]}"
    if channel is not None:
        place = f"row {position[0]}, column {position[1]}, map {channel}"
    return Figure(
        sight.write(f"fields/{layer}.png", render.spotlit(lit, pixels, box)),
        alt=f"The receptive field of a unit of {layer} at {place}: rows {top} to {bottom - 1} and columns "
        f"{left} to {right - 1}",
        caption=f"The unit at {place} sees {bottom - top}×{right - left} pixels.{caption}",
        name=layer,
    )


def _around(first: int, last: int, n: int) -> slice:
    """So many of n pixels around first … last that these can be seen among them."""
    wanted = min(max((last - first) * NEAR, 24), n)
    start = min(max((first + last - wanted) // 2, 0), n - wanted)
    return slice(start, start + wanted)


def maps(sight: Sight) -> Section:
    """What every layer gives out."""
    layers = [layer for layer in sight.network.layers if not isinstance(layer, Flatten)]  # moves no values
    words = [
        "What each layer makes of the picture, in rows from number 0 on. White is the largest value of the "
        "layer; black is 0, or middle grey is 0 where some values are negative."
    ]
    figures = [_maps(sight, layer.name, type(layer).__name__) for layer in layers]
    return Section("Feature maps", words, figures=figures)


def _maps(sight: Sight, layer: str, kind: str) -> Figure:
    A = np.nan_to_num(sight.passage.outputs[layer][0], nan=0.0, posinf=0.0, neginf=0.0)
    shades = render.grey(A, float(np.abs(A).max()))
    if A.ndim == 3:
        tiles, columns, side, most = shades.transpose(2, 0, 1)[..., None], COLUMNS, 96, MOST_TILES
        content = f"{_counted(A.shape[2], 'map')} of {A.shape[0]}×{A.shape[1]}"
    else:
        tiles, columns, most = shades.reshape(-1, 1, 1, 1), ceil(sqrt(3 * A.size)), MOST_VALUES
        content, side = _counted(A.size, "value"), max(4, 640 // columns)
    shown = tiles if layer == sight.layer else tiles[:most]
    some = f", the first {most} of them here" if len(shown) < len(tiles) else ""
    low, high = (f"{value:.3g}".replace("-", "−") for value in (A.min(), A.max()))
    return Figure(
        sight.write(f"maps/{layer}.png", render.sheet(list(shown), min(columns, len(shown)), side)),
        alt=f"What {layer} gives out: {content}",
        caption=f"{kind}: {content}{some}, from {low} to {high}.",
        name=layer,
        wide=True,
    )


def filters(network: Network, layer: str | None, folder: Path) -> Section:
    """The filters of every convolution."""
    figures = [
        _filters(
            own.name, seeing.filter_pictures(seeing.filters(network, own.name)), own.name == layer, folder
        )
        for own in network.layers
        if isinstance(own, Conv2D)
    ]
    words = ["What the network has learned to look for. Middle grey is a weight of 0, white the largest."]
    return Section("Filters", words if figures else ["This network has no convolution."], figures=figures)


def _filters(layer: str, stack: np.ndarray, whole: bool, folder: Path) -> Figure:
    """`stack` as `seeing.filter_pictures` gives it."""
    count, slices, f_H, f_W, channels = stack.shape
    content = f"{_counted(count, 'filter')} of {f_H}×{f_W}"
    if slices == 1:
        content += " in colour" if channels == 3 else " on one channel"
        shown = stack if whole else stack[:MOST_TILES]
        columns, side, words = min(len(shown), COLUMNS), 64, ""
    else:
        content += f" on {slices} channels"
        shown = stack if whole else stack[:COLUMNS, : 2 * COLUMNS]
        columns, side = shown.shape[1], 32
        words = " A row is a filter, a column a channel that it looks at."
    if shown.shape != stack.shape:
        words += f" The first {len(shown)} filters are here" + (
            f", on the first {shown.shape[1]} channels." if shown.shape[1] < slices else "."
        )
    tiles = list(shown.reshape(-1, f_H, f_W, channels))
    path = render.write(folder / f"{layer}.png", render.sheet(tiles, columns, side))
    return Figure(path, f"{layer}: {content}", f"{content}.{words}", layer, wide=True)


def facts(network: Network) -> str:
    """The network in a sentence."""
    parameters = sum(array.size for array in network.parameters.values())
    content = f"{_counted(len(network.layers), 'layer')} with {_counted(parameters, 'parameter')}"
    end = outputs(network)
    if network.ends_in_classes:
        end = _counted(network.output_shape[0], "class", "classes")
    return f"{content}, from pictures of {times(network.input_shape)} to {end}."


def _counted(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"

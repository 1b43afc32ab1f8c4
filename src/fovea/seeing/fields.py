"""Receptive fields: which pixels of the picture one value of a layer can depend on.

Along one axis, the value at i looks through a window of f pixels, d apart, moved by s, with p pixels of
padding before:

    its inputs are    i·s − p + t·d, for t = 0 … f − 1                                                    (1)

as far as they exist; what the padding adds depends on nothing. A layer that writes through such windows, as
transposed convolution does, has it the other way round: the value at i looks at those whose windows, by (1),
hold i. Rows and columns are independent of each other, so that this, from layer to layer down to the picture,
gives the exact set: its rows times its columns. Where strides are larger than windows, or filters dilated,
the set has gaps.

The middles of all fields of a layer lie on a grid in the picture: value i looks at first + i·jump, where

    jump_out = jump_in · s        first_out = first_in + (d·(f − 1)/2 − p) · jump_in                      (2)

and for a layer that writes,

    jump_out = jump_in / s        first_out = first_in + (p − d·(f − 1)/2) / s · jump_in                  (3)

What a value does depend on is less, and fades towards the border of the field: the effective receptive field
is its gradient by the picture (Luo, Li, Urtasun, Zemel: Understanding the effective receptive field in deep
convolutional neural networks, 2016, arXiv:1701.04128).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry import Window
from fovea.geometry.sampling import Axis
from fovea.layers import Flatten, GroupNorm, InstanceNorm, Layer, Pad2D, Resize2D
from fovea.layers.base import Shape
from fovea.network import Network
from fovea.network.graph import PICTURE
from fovea.seeing.passage import number_of, pass_through


@dataclass(frozen=True, eq=False)
class Field:
    """What a value can see: these rows (H,) of the picture and these columns (W,), bool each."""

    rows: np.ndarray
    columns: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """bool (H, W)"""
        return np.outer(self.rows, self.columns)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the smallest box around it, bottom and right outside; 0s if empty."""
        (top, bottom), (left, right) = _ends(self.rows), _ends(self.columns)
        return top, left, bottom, right


@dataclass(frozen=True)
class Grid:
    """Where a layer's values look: value (i, j) at row first[0] + i·jump[0], column first[1] + j·jump[1]."""

    first: tuple[float, float]
    jump: tuple[float, float]


def receptive_field(network: Network, layer: str, position: Sequence[int] | int | None = None) -> Field:
    """The field of the value at `position` = (row, column) of a layer, the same in all its channels.

    By default it is the one in the middle. In a layer without rows and columns `position` is one number; its
    values see what the layer sees. Raises ShapeError for another layer or position, and where the network
    takes in no pictures.
    """
    place = number_of(network, layer, "receptive_field")
    _picture(network, "receptive_field")
    return _field(network, place, checked_position(network, layer, position, "receptive_field"))


def effective_field(
    network: Network,
    image: np.ndarray,
    layer: str,
    position: Sequence[int] | int | None = None,
    channel: int | None = None,
) -> np.ndarray:
    """How much the value at `position` depends on each pixel of `image`: float32 (H, W), at least 0.

    It is the largest of the gradient's absolute values over the picture's channels. The value is that of
    `channel`, or the sum of all channels there. Raises ShapeError as `receptive_field`.
    """
    number_of(network, layer, "effective_field")
    _picture(network, "effective_field")
    position = checked_position(network, layer, position, "effective_field")
    passage = pass_through(network, image)
    A = passage.outputs[layer]
    channels = A.shape[-1] if len(position) == 2 else 1
    if channel is not None and not 0 <= channel < channels:
        raise ShapeError(
            mismatch("effective_field: channel", f"a number from 0 to {channels - 1}", repr(channel))
        )
    dA = np.zeros_like(A)
    at: tuple[Any, ...] = (0, *position)
    dA[at if channel is None or len(position) == 1 else (*at, channel)] = 1
    return np.abs(passage.back(dA, layer)[0]).max(axis=-1)


def grid(network: Network, layer: str) -> Grid | None:
    """Where the values of a layer with maps look, by (2); None where one of the layers below it moves values
    in a way that it does not tell."""
    first, jump = [0.0, 0.0], [1.0, 1.0]
    way, place = [], number_of(network, layer, "grid")
    while place != PICTURE:  # where ways meet, all of them have the same grid, or nearly: take the first
        shapes = (
            network.input_shapes[place] if network.layers[place].merges else (network.input_shapes[place],)
        )
        alike = (number for number, n in enumerate(shapes) if n[:2] == network.shapes[place][:2])
        taken = next(alike, 0)  # none of those that broadcast
        way.append((place, shapes[taken]))
        place = network.sources[place][taken]
    for place, n_in in reversed(way):
        own, n_out = network.layers[place], network.shapes[place]
        window, upward = (None, None) if own.merges else (own.window(n_in), own.upward(n_in))
        moved = n_in[:2] != n_out[:2] if own.merges else n_in != n_out
        if window is None and upward is None and (own.connections(n_in) or moved):
            return None
        if upward is not None:
            for axis in (0, 1):
                e, s, p = upward.extent[axis], upward.stride[axis], upward.pads[2 * axis]
                first[axis] += (p - (e - 1) / 2) / s * jump[axis]
                jump[axis] /= s  # (3)
        if window is None:
            continue
        for axis in (0, 1):
            e, s, p = window.extent[axis], window.stride[axis], window.pads[2 * axis]
            first[axis] += ((e - 1) / 2 - p) * jump[axis]
            jump[axis] *= s  # (2)
    return Grid((first[0], first[1]), (jump[0], jump[1]))


def checked_position(
    network: Network, layer: str, position: Sequence[int] | int | None, who: str
) -> tuple[int, ...]:
    """`position` as a tuple for the layer's axes but the channels. Raises ShapeError where it is none."""
    shape = network.shapes[number_of(network, layer, who)]
    axes = shape[:2] if len(shape) == 3 else shape
    if position is None:
        return tuple(n // 2 for n in axes)
    try:
        numbers = tuple(map(index, position)) if isinstance(position, Sequence) else (index(position),)
    except TypeError:
        numbers = ()
    if len(numbers) != len(axes) or not all(0 <= i < n for i, n in zip(numbers, axes, strict=True)):
        if len(axes) == 2:
            expected = f"(row, column) within {axes[0]} rows and {axes[1]} columns"
        else:
            expected = f"a number from 0 to {axes[0] - 1}"
        raise ShapeError(mismatch(f"{who}: position in {layer}", expected, repr(position)))
    return numbers


def _field(network: Network, place: int, position: tuple[int, ...]) -> Field:
    found = {place: _only(network.shapes[place], position)}  # of each layer, the values that are seen
    for below in range(place, -1, -1):
        if below not in found:
            continue  # it lies beside the way
        seen, own, n_in = found[below], network.layers[below], network.input_shapes[below]
        for source, shape in zip(network.sources[below], n_in if own.merges else (n_in,), strict=True):
            masks = _below(own, seen, shape, network.shapes[below])
            others = found.get(source, masks)  # where ways meet, what is seen on either
            found[source] = [one | other for one, other in zip(masks, others, strict=True)]
    rows, columns = found[PICTURE]
    return Field(rows, columns)


def _below(own: Layer, seen: list[np.ndarray], n_in: Shape, n_out: Shape) -> list[np.ndarray]:
    """What is seen of an input of the shape n_in, where `seen` is of the layer's output."""
    if isinstance(own, Pad2D | Resize2D):
        return [_sampled(axis, mask) for axis, mask in zip(own.axes(n_in), seen, strict=True)]
    window = None if own.merges else own.window(n_in)
    if window is not None:
        outer = seen if len(n_out) == 3 else [np.ones(1, bool)] * 2  # one window, as large as its input
        return [_through(window, axis, mask) for axis, mask in enumerate(outer)]  # (1)
    upward = None if own.merges else own.upward(n_in)
    if upward is not None:
        return [_held(upward, axis, mask) for axis, mask in enumerate(seen)]
    if isinstance(own, Flatten):
        return _unfolded(seen[0], n_in)
    if own.merges and n_in[:2] == n_out[:2]:
        return seen  # channels are no matter
    if own.merges and len(n_in) == len(n_out):  # what broadcasts is seen from everywhere
        alone: Any = np.ones(1, bool)
        return [mask if len(mask) == n else alone for n, mask in zip(n_in, seen, strict=False)]
    if own.connections(n_in) or n_in != n_out or isinstance(own, GroupNorm | InstanceNorm):
        return [np.ones(n, bool) for n in n_in[: max(len(n_in) - 1, 1)]]  # each value depends on all
    return seen


def _through(window: Window, axis: int, seen: np.ndarray) -> np.ndarray:
    """Of the inputs along an axis, those that the values `seen` look at, by (1)."""
    n, s, p = window.input[axis], window.stride[axis], window.pads[2 * axis]
    looks = np.arange(window.size[axis]) * window.dilation[axis]
    inputs = (np.flatnonzero(seen)[:, None] * s - p + looks).ravel()
    mask = np.zeros(n, bool)
    mask[inputs[(inputs >= 0) & (inputs < n)]] = True
    return mask


def _sampled(axis: Axis, seen: np.ndarray) -> np.ndarray:
    """Of the inputs along an axis, those that the values `seen` have a share of."""
    mask = np.zeros(axis.n, bool)
    mask[axis.pixels[seen][axis.shares[seen] != 0]] = True
    return mask


def _held(window: Window, axis: int, seen: np.ndarray) -> np.ndarray:
    """Of the windows over an output along an axis, those that hold one of the values `seen`."""
    n, s, p = window.output[axis], window.stride[axis], window.pads[2 * axis]
    looks = np.arange(window.size[axis]) * window.dilation[axis]
    steps, rest = np.divmod((np.flatnonzero(seen)[:, None] + p - looks).ravel(), s)  # (1), for i
    mask = np.zeros(n, bool)
    mask[steps[(rest == 0) & (steps >= 0) & (steps < n)]] = True
    return mask


def _unfolded(seen: np.ndarray, shape: Shape) -> list[np.ndarray]:
    """The values `seen` of what Flatten gave out, as rows and columns of what it took in."""
    volume: Any = seen.reshape(shape)
    return [np.any(volume, axis=(1, 2)), np.any(volume, axis=(0, 2))] if len(shape) == 3 else [seen]


def _only(shape: Shape, position: tuple[int, ...]) -> list[np.ndarray]:
    masks = [np.zeros(n, bool) for n in shape[: len(position)]]
    for mask, at in zip(masks, position, strict=True):
        mask[at] = True
    return masks


def _ends(mask: np.ndarray) -> tuple[int, int]:
    found = np.flatnonzero(mask)
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)


def _picture(network: Network, who: str) -> None:
    if len(network.input_shape) != 3:
        raise ShapeError(mismatch(who, "a network that takes in (H, W, C)", network.input_shape))

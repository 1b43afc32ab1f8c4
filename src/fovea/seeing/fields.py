"""Receptive fields: the pixels of the picture that one value of a layer can depend on.

Along one axis, the value at i has a window of f pixels, d apart, moved by s, with p pixels of padding before:

    its inputs are    i·s − p + t·d, for t = 0 … f − 1                                                    (1)

as far as they exist. In a layer that writes through such windows, such as a transposed convolution, the value
at i depends conversely on the inputs whose windows, by (1), contain i. Rows and columns are independent, so
applying this from layer to layer down to the picture gives the exact set: its rows times its columns. If
strides are larger than windows, or filters dilated, the set has gaps.

The centres of all fields of a layer are on a grid in the picture: that of value i is at first + i·jump, where

    jump_out = jump_in · s        first_out = first_in + (d·(f − 1)/2 − p) · jump_in                      (2)

and for a layer that writes,

    jump_out = jump_in / s        first_out = first_in + (p − d·(f − 1)/2) / s · jump_in                  (3)

The actual dependence is weaker, and fades towards the border of the field: the effective receptive field is
the value's gradient by the picture (Luo, Li, Urtasun, Zemel: Understanding the effective receptive field in
deep convolutional neural networks, 2016, arXiv:1701.04128).
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
    """The pixels that a value can depend on: masks, bool, of the picture's rows (H,) and columns (W,)."""

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
    """The centres of a layer's receptive fields: value (i, j) at row first[0] + i·jump[0], column first[1] +
    j·jump[1]."""

    first: tuple[float, float]
    jump: tuple[float, float]


def receptive_field(network: Network, layer: str, position: Sequence[int] | int | None = None) -> Field:
    """The field of the value at `position` = (row, column) of a layer, the same in all its channels.

    By default it is the one in the middle. In a layer without rows and columns `position` is one number.
    Raises ShapeError for an unknown layer, a position outside it, and a network whose input is not a picture.
    """
    number = number_of(network, layer, "receptive_field")
    _check_picture(network, "receptive_field")
    return _field(network, number, checked_position(network, layer, position, "receptive_field"))


def effective_field(
    network: Network,
    image: np.ndarray,
    layer: str,
    position: Sequence[int] | int | None = None,
    channel: int | None = None,
) -> np.ndarray:
    """The dependence of the value at `position` on each pixel of `image`: float32 (H, W), at least 0.

    It is the largest absolute value of the gradient over the picture's channels. The value is that of
    `channel`, or the sum of all channels there. Raises ShapeError as `receptive_field`.
    """
    number_of(network, layer, "effective_field")
    _check_picture(network, "effective_field")
    position = checked_position(network, layer, position, "effective_field")
    passage = pass_through(network, image)
    A = passage.outputs[layer]
    channels = A.shape[-1] if len(position) == 2 else 1
    if channel is not None and not 0 <= channel < channels:
        raise ShapeError(
            mismatch("effective_field: channel", f"a number from 0 to {channels - 1}", repr(channel))
        )
    dA = np.zeros_like(A)
    index: tuple[Any, ...] = (0, *position)
    dA[index if channel is None or len(position) == 1 else (*index, channel)] = 1
    return np.abs(passage.back(dA, layer)[0]).max(axis=-1)


def grid(network: Network, layer: str) -> Grid | None:
    """The grid of a layer with maps, by (2) and (3); None if a layer below it moves values without a
    window."""
    first, jump = [0.0, 0.0], [1.0, 1.0]
    path, number = [], number_of(network, layer, "grid")
    while number != PICTURE:  # where branches meet, their grids are equal or nearly so: follow the first
        inputs = network.input_shapes[number]
        shapes = inputs if network.layers[number].merges else (inputs,)
        same_size = (i for i, shape in enumerate(shapes) if shape[:2] == network.shapes[number][:2])
        branch = next(same_size, 0)  # not one that is broadcast
        path.append((number, shapes[branch]))
        number = network.sources[number][branch]
    for number, n_in in reversed(path):
        below, n_out = network.layers[number], network.shapes[number]
        window, upward = (None, None) if below.merges else (below.window(n_in), below.upward(n_in))
        moved = n_in[:2] != n_out[:2] if below.merges else n_in != n_out
        if window is None and upward is None and (below.connections(n_in) or moved):
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
    """`position` as a tuple for the layer's axes without the channels. Raises ShapeError if it is outside."""
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


def _field(network: Network, number: int, position: tuple[int, ...]) -> Field:
    fields = {number: _one_hot(network.shapes[number], position)}  # of each layer, masks of the values needed
    for n in range(number, -1, -1):
        if n not in fields:
            continue  # on another branch
        layer, inputs = network.layers[n], network.input_shapes[n]
        for source, shape in zip(network.sources[n], inputs if layer.merges else (inputs,), strict=True):
            masks = _below(layer, fields[n], shape, network.shapes[n])
            others = fields.get(source, masks)  # needed by another branch
            fields[source] = [one | other for one, other in zip(masks, others, strict=True)]
    rows, columns = fields[PICTURE]
    return Field(rows, columns)


def _below(layer: Layer, needed: list[np.ndarray], n_in: Shape, n_out: Shape) -> list[np.ndarray]:
    """Masks of the inputs, in the shape n_in, that the `needed` values of the layer's output depend on."""
    if isinstance(layer, Pad2D | Resize2D):
        return [_sampled(axis, mask) for axis, mask in zip(layer.axes(n_in), needed, strict=True)]
    window = None if layer.merges else layer.window(n_in)
    if window is not None:
        outputs = needed if len(n_out) == 3 else [np.ones(1, bool)] * 2  # one window, as large as its input
        return [_windowed(window, axis, mask) for axis, mask in enumerate(outputs)]  # (1)
    upward = None if layer.merges else layer.upward(n_in)
    if upward is not None:
        return [_written(upward, axis, mask) for axis, mask in enumerate(needed)]
    if isinstance(layer, Flatten):
        return _unflattened(needed[0], n_in)
    if layer.merges and n_in[:2] == n_out[:2]:
        return needed  # channels do not matter
    if layer.merges and len(n_in) == len(n_out):  # an input that broadcasts is needed everywhere
        one: Any = np.ones(1, bool)
        return [mask if len(mask) == n else one for n, mask in zip(n_in, needed, strict=False)]
    if layer.connections(n_in) or n_in != n_out or isinstance(layer, GroupNorm | InstanceNorm):
        return [np.ones(n, bool) for n in n_in[: max(len(n_in) - 1, 1)]]  # each value depends on all
    return needed


def _windowed(window: Window, axis: int, needed: np.ndarray) -> np.ndarray:
    """The mask of the inputs along an axis in the windows of the `needed` values, by (1)."""
    n, s, p = window.input[axis], window.stride[axis], window.pads[2 * axis]
    offsets = np.arange(window.size[axis]) * window.dilation[axis]
    inputs = (np.flatnonzero(needed)[:, None] * s - p + offsets).ravel()
    mask = np.zeros(n, bool)
    mask[inputs[(inputs >= 0) & (inputs < n)]] = True
    return mask


def _sampled(axis: Axis, needed: np.ndarray) -> np.ndarray:
    """The mask of the inputs along an axis with a share in the `needed` values."""
    mask = np.zeros(axis.n, bool)
    mask[axis.pixels[needed][axis.shares[needed] != 0]] = True
    return mask


def _written(window: Window, axis: int, needed: np.ndarray) -> np.ndarray:
    """The mask of the inputs along an axis whose windows in the output contain one of the `needed` values."""
    n, s, p = window.output[axis], window.stride[axis], window.pads[2 * axis]
    offsets = np.arange(window.size[axis]) * window.dilation[axis]
    steps, rest = np.divmod((np.flatnonzero(needed)[:, None] + p - offsets).ravel(), s)  # (1), for i
    mask = np.zeros(n, bool)
    mask[steps[(rest == 0) & (steps >= 0) & (steps < n)]] = True
    return mask


def _unflattened(needed: np.ndarray, shape: Shape) -> list[np.ndarray]:
    """Masks of the rows and columns of Flatten's input with one of the `needed` values of its output."""
    volume: Any = needed.reshape(shape)
    return [np.any(volume, axis=(1, 2)), np.any(volume, axis=(0, 2))] if len(shape) == 3 else [needed]


def _one_hot(shape: Shape, position: tuple[int, ...]) -> list[np.ndarray]:
    masks = [np.zeros(n, bool) for n in shape[: len(position)]]
    for mask, i in zip(masks, position, strict=True):
        mask[i] = True
    return masks


def _ends(mask: np.ndarray) -> tuple[int, int]:
    indices = np.flatnonzero(mask)
    return (int(indices[0]), int(indices[-1]) + 1) if len(indices) else (0, 0)


def _check_picture(network: Network, who: str) -> None:
    if len(network.input_shape) != 3:
        raise ShapeError(mismatch(who, "a network with an input of (H, W, C)", network.input_shape))

"""Copies of a network with some filters changed by hand.

The page sends changes as JSON:

    {"conv1": {"0": {"weights": [[[0.1], …], …], "bias": 0.5}}}

layer → index of the filter → its weights (f_H, f_W, C_in) and its bias. Either may be left out.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import Conv2D, Layer
from fovea.network import Network

MOST = 1e6  # the largest weight or bias: far beyond any network's, far from float32's infinity


def edited(network: Network, changes: Any) -> Network:
    """A copy of `network` with `changes`, or `network` itself if there are none.

    Raises ShapeError, which names the layer and the filter, for invalid changes.
    """
    if not changes:
        return network
    checked = [
        (_layer(network, name), number, change)
        for name, filters in _mapping(changes, "changes").items()
        for number, change in _mapping(filters, f"changes of {name}").items()
    ]
    result = copy.copy(network)
    for layer, number, change in checked:
        _change(layer, number, _mapping(change, f"{layer.who}, filter {number}"), result)
    return result


def _mapping(value: Any, who: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ShapeError(mismatch(who, "names and values", type(value).__name__))
    return value


def _layer(network: Network, name: str) -> Layer:
    for layer in network.layers:
        if layer.name == name and isinstance(layer, Conv2D):
            return layer
    convolutions = [layer.name for layer in network.layers if isinstance(layer, Conv2D)]
    raise ShapeError(
        mismatch("changes", f"a convolution ({', '.join(convolutions) or 'there is none'})", name)
    )


def _change(layer: Layer, number: str, change: Mapping[str, Any], network: Network) -> None:
    W = network.parameters[f"{layer.name}.W"]
    index = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1
    if not 0 <= index < W.shape[3]:
        raise ShapeError(mismatch(layer.who, f"a filter from 0 to {W.shape[3] - 1}", number))
    if "weights" in change:
        W[..., index] = _numbers(change["weights"], W.shape[:3], f"{layer.who}, filter {number}: weights")
    if "bias" in change and f"{layer.name}.b" in network.parameters:
        bias = _numbers(change["bias"], (), f"{layer.who}, filter {number}: bias")
        network.parameters[f"{layer.name}.b"][index] = bias


def _numbers(values: Any, shape: tuple[int, ...], who: str) -> np.ndarray:
    expected = f"numbers of shape {shape}" if shape else "a number"
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ShapeError(mismatch(who, expected, "something else")) from error
    if array.shape != shape:
        raise ShapeError(mismatch(who, expected, f"an array of shape {array.shape}"))
    if not (np.abs(array) <= MOST).all():  # NaN is not, either
        raise ShapeError(mismatch(who, f"numbers between −{MOST:,.0f} and {MOST:,.0f}", "others"))
    return array

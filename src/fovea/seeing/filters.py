"""The filters of a convolution, as numbers and as pictures."""

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import Conv2D
from fovea.network import Network
from fovea.seeing.passage import number_of


def filters(network: Network, layer: str | None = None) -> np.ndarray:
    """The filters of a convolution, by default the first: a copy, float32 (f_H, f_W, C_in, C_out).

    Raises ShapeError if `layer` is not a convolution, or the network has none.
    """
    convolutions = [candidate.name for candidate in network.layers if isinstance(candidate, Conv2D)]
    if layer is None and not convolutions:
        got = ", ".join(candidate.name for candidate in network.layers)
        raise ShapeError(mismatch("filters", "a network with a convolution", got))
    number = number_of(network, layer or convolutions[0], "filters", among=convolutions)
    return network.layers[number].parameters["W"].copy()


def filter_pictures(W: np.ndarray) -> np.ndarray:
    """Filters (f_H, f_W, C_in, C_out) as uint8 pictures, (C_out, slices, f_H, f_W, channels).

    A filter of three channels is one colour picture: 1 slice, 3 channels. Any other is one grey picture per
    channel: C_in slices, 1 channel. Middle grey (128) is 0; black and white are the filter's largest absolute
    weight, negative and positive, so that the slices of a filter can be compared.
    """
    if W.ndim != 4:
        raise ShapeError(mismatch("filter_pictures", "W (f_H, f_W, C_in, C_out)", W.shape))
    stack = W.transpose(3, 2, 0, 1)[..., np.newaxis]  # (C_out, C_in, f_H, f_W, 1)
    if stack.shape[1] == 3:
        stack = stack.swapaxes(1, 4)  # (C_out, 1, f_H, f_W, 3)
    largest = np.abs(stack).max(axis=(1, 2, 3, 4), keepdims=True)
    share = np.divide(stack, largest, out=np.zeros_like(stack), where=largest > 0)
    return np.round(128 + 127 * share).astype(np.uint8)

"""Grad-CAM: where in the picture a layer finds what speaks for a class.

    α[k] = mean_{i, j} ∂Z[c] / ∂A[i, j, k]                                                                (1)
    M[i, j] = max(Σ_k α[k] · A[i, j, k], 0)                                                               (2)

    Z logits   c class   A the layer's maps, rectified   i, j row, column in them   k channel

A map is coarser than the picture. Its values stand at the middles of their receptive fields
(`fovea.seeing.grid`); between them they are interpolated. Beyond the outermost they stay the same for half
the distance of two values, and are gone after another whole one: nothing looks there from its middle.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM (2017), arXiv:1610.02391.
"""

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.layers import Conv2D
from fovea.network import Network
from fovea.network.graph import consumers
from fovea.seeing.fields import Grid, grid
from fovea.seeing.passage import number_of, pass_through, with_maps


def grad_cam(
    network: Network, image: np.ndarray, class_index: int | None = None, layer: str | None = None
) -> np.ndarray:
    """The map of a class at the picture's size: float32 (H, W), at least 0, in units of the logit.

    By default the class is the one with the highest logit, and the layer the last convolution. A convolution
    is taken together with the ReLU after it; any other layer that gives out maps will do. `image` (H, W, C)
    is taken as in `Network.predict`. Raises ShapeError for a picture, a class or a layer that there is not.
    """
    layer = cam_layer(network, layer)
    return on_picture(network, layer, grad_cam_map(network, image, class_index, layer))


def grad_cam_map(
    network: Network, image: np.ndarray, class_index: int | None = None, layer: str | None = None
) -> np.ndarray:
    """The same with one value for each of the layer's: float32 (n_H, n_W)."""
    layer = cam_layer(network, layer)
    passage = pass_through(network, image)
    A = passage.outputs[layer][0]  # (n_H, n_W, C)
    dA = passage.back_from(class_index, to=layer)[0]  # (n_H, n_W, C)
    alpha = dA.mean(axis=(0, 1))  # (C,)  (1)
    return np.maximum(A @ alpha, 0)  # (2)


def cam_layer(network: Network, layer: str | None = None) -> str:
    """The layer whose maps Grad-CAM takes when asked for `layer`. Raises ShapeError where there is none."""
    layers = network.layers
    if layer is None:
        convolutions = [own.name for own in layers if isinstance(own, Conv2D)]
        if not convolutions:
            remedy = "saliency and occlusion need none"
            got = ", ".join(own.name for own in layers)
            raise ShapeError(mismatch("grad_cam", "a network with a convolution", got, remedy))
        layer = convolutions[-1]
    number = number_of(network, layer, "grad_cam", among=with_maps(network))
    return layers[_finished(network, number) if isinstance(layers[number], Conv2D) else number].name


def _finished(network: Network, number: int) -> int:
    """The last layer behind a convolution that only changes its values where they are, ReLU for one."""
    taken = consumers(network.sources)
    while len(taken[number]) == 1:
        (after,) = taken[number]
        layer, n_in = network.layers[after], network.input_shapes[after]
        if layer.window(n_in) or layer.connections(n_in) or network.shapes[after] != network.shapes[number]:
            break
        number = after
    return number


def on_picture(network: Network, layer: str, values: np.ndarray) -> np.ndarray:
    """`values` (n_H, n_W), one for each position in a layer, laid over the picture: (H, W)."""
    places = grid(network, layer)
    down, along = (
        _shares(_positions(places, axis, values.shape[axis], network.input_shape[axis]), values.shape[axis])
        for axis in (0, 1)
    )
    return (down @ values @ along.T).astype(np.float32)


def _positions(places: Grid | None, axis: int, n: int, size: int) -> np.ndarray:
    """For each of `size` pixels along an axis, where it lies among n values, in their numbers."""
    pixels = np.arange(size)
    if places is None:  # nobody knows where they look: spread evenly
        return (pixels + 0.5) * n / size - 0.5
    return (pixels - places.first[axis]) / places.jump[axis]


def _shares(at: np.ndarray, n: int) -> np.ndarray:
    """What each of n values, which lie at 0 … n − 1, has in a pixel at each of `at`: (pixels, n)."""
    inside = np.clip(at, 0, n - 1)
    between = np.maximum(1 - np.abs(inside[:, np.newaxis] - np.arange(n)), 0)
    return between * np.clip(1.5 - np.abs(at - inside), 0, 1)[:, np.newaxis]

"""Grad-CAM: the parts of a picture where a layer finds evidence for a class.

    α[k] = mean_{i, j} ∂Z[c] / ∂A[i, j, k]                                                                (1)
    M[i, j] = max(Σ_k α[k] · A[i, j, k], 0)                                                               (2)

    Z logits   c class   A the layer's maps, rectified   i, j row, column in them   k channel

A map is coarser than the picture. Its values are placed at the centres of their receptive fields
(`fovea.seeing.grid`) and interpolated between them. Beyond the outermost centres they are constant for half
the distance of two values, and fall to 0 over another whole distance.

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
    is used after its ReLU; any other layer with maps is possible. `image` (H, W, C) is preprocessed as in
    `Network.predict`. Raises ShapeError for an invalid picture, class or layer.
    """
    layer = cam_layer(network, layer)
    return on_picture(network, layer, grad_cam_map(network, image, class_index, layer))


def grad_cam_map(
    network: Network, image: np.ndarray, class_index: int | None = None, layer: str | None = None
) -> np.ndarray:
    """The map of a class at the layer's size: float32 (n_H, n_W)."""
    layer = cam_layer(network, layer)
    passage = pass_through(network, image)
    A = passage.outputs[layer][0]  # (n_H, n_W, C)
    dA = passage.back_from(class_index, to=layer)[0]  # (n_H, n_W, C)
    alpha = dA.mean(axis=(0, 1))  # (C,)  (1)
    return np.maximum(A @ alpha, 0)  # (2)


def cam_layer(network: Network, layer: str | None = None) -> str:
    """The layer whose maps Grad-CAM uses for `layer`. Raises ShapeError if there is none."""
    layers = network.layers
    if layer is None:
        convolutions = [candidate.name for candidate in layers if isinstance(candidate, Conv2D)]
        if not convolutions:
            remedy = "saliency and occlusion need none"
            got = ", ".join(candidate.name for candidate in layers)
            raise ShapeError(mismatch("grad_cam", "a network with a convolution", got, remedy))
        layer = convolutions[-1]
    number = number_of(network, layer, "grad_cam", among=with_maps(network))
    return layers[_last_elementwise(network, number) if isinstance(layers[number], Conv2D) else number].name


def _last_elementwise(network: Network, number: int) -> int:
    """The last of the element-wise layers, such as ReLU, that directly follow a convolution."""
    fed = consumers(network.sources)
    while len(fed[number]) == 1:
        (after,) = fed[number]
        layer, n_in = network.layers[after], network.input_shapes[after]
        if layer.window(n_in) or layer.connections(n_in) or network.shapes[after] != network.shapes[number]:
            break
        number = after
    return number


def on_picture(network: Network, layer: str, values: np.ndarray) -> np.ndarray:
    """`values` (n_H, n_W), one for each position in a layer, interpolated at the picture's pixels: (H, W)."""
    centres = grid(network, layer)
    down, along = (
        _shares(_positions(centres, axis, values.shape[axis], network.input_shape[axis]), values.shape[axis])
        for axis in (0, 1)
    )
    return (down @ values @ along.T).astype(np.float32)


def _positions(centres: Grid | None, axis: int, n: int, size: int) -> np.ndarray:
    """The positions of `size` pixels along an axis among n values, in fractional indices of these values,
    (size,)."""
    pixels = np.arange(size)
    if centres is None:  # unknown: spread the values evenly
        return (pixels + 0.5) * n / size - 0.5
    return (pixels - centres.first[axis]) / centres.jump[axis]


def _shares(positions: np.ndarray, n: int) -> np.ndarray:
    """The weights of n values, at 0 … n − 1, in pixels at these `positions`: (pixels, n)."""
    inside = np.clip(positions, 0, n - 1)
    between = np.maximum(1 - np.abs(inside[:, np.newaxis] - np.arange(n)), 0)
    return between * np.clip(1.5 - np.abs(positions - inside), 0, 1)[:, np.newaxis]

"""Saliency: the dependence of a class's logit on each pixel.

    G = ∂Z[c] / ∂X                                                                                        (1)
    M[h, w] = max_k |G[h, w, k]|                                                                          (2)

    Z logits   c class   X the network's input   h, w row, column   k channel

Simonyan, Vedaldi, Zisserman: Deep inside convolutional networks (2013), arXiv:1312.6034.
"""

import numpy as np

from fovea.network import Network
from fovea.seeing.passage import pass_through


def input_gradient(network: Network, image: np.ndarray, class_index: int | None = None) -> np.ndarray:
    """The gradient (1) of a class's logit by the network's input, float32 (H, W, C).

    By default the class is the one with the highest logit. `image` (H, W, C) is preprocessed as in
    `Network.predict`. Raises ShapeError for an invalid picture or class.
    """
    return pass_through(network, image).back_from(class_index)[0]  # (1)


def saliency(network: Network, image: np.ndarray, class_index: int | None = None) -> np.ndarray:
    """The saliency (2), float32 (H, W), at least 0; arguments and errors as for `input_gradient`."""
    return np.abs(input_gradient(network, image, class_index)).max(axis=-1)  # (2)

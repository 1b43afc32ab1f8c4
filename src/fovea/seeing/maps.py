"""Feature maps: the layers' outputs for one picture."""

import numpy as np

from fovea.network import Network
from fovea.seeing.passage import number_of, pass_through


def feature_maps(network: Network, image: np.ndarray, layer: str | None = None) -> dict[str, np.ndarray]:
    """Layer → its output for `image`, float32 (n_H, n_W, C) or (n,), in the network's order.

    `image` (H, W, C) is preprocessed as in `Network.predict`. With `layer` the result has only that layer.
    Raises ShapeError for a picture that does not fit, and for an unknown layer.
    """
    if layer is not None:
        number_of(network, layer, "feature_maps")
    outputs = pass_through(network, image).outputs
    return {name: A[0] for name, A in outputs.items() if layer in (None, name)}

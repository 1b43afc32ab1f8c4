"""Scenes: a picture, changes to filters, and the weights, which determine the answers to a page.

Every request contains its scene, and no state is kept per browser: two of them cannot disturb each other. The
most recent scenes are cached by content, so that all requests about one picture run the network once.
"""

import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from fovea.apps.look.edits import edited
from fovea.errors import DataError, FoveaError, mismatch
from fovea.files import jsons
from fovea.network import Network
from fovea.network.soundness import check_picture
from fovea.tracing import Trace, trace

MOST_BYTES = 256 << 20  # of cached activations


class Scene:
    """A network, perhaps with changed filters, and its input picture uint8 (H, W, C)."""

    def __init__(self, network: Network, picture: np.ndarray) -> None:
        self.network, self.picture = network, picture
        self.forward = trace(network, picture)
        self._backward: Trace | None = None

    def backward(self, label: int) -> Trace:
        """The trace forward, and backward from the loss of the class `label`."""
        if self._backward is None or self._backward.label != label:
            self._backward = trace(self.network, self.picture, label=label)
        return self._backward

    @property
    def outputs(self) -> dict[str, np.ndarray]:
        """The output of each layer, without the axis of pictures."""
        return {layer.name: self.forward.A(layer.name) for layer in self.network.layers}

    @property
    def nbytes(self) -> int:
        """An estimate of its memory, with the backward trace."""
        return 3 * sum(A.nbytes for A in self.outputs.values()) + self.network.flat.nbytes


class Scenes:
    """Creates scenes from requests, and caches the most recent ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Scene] = OrderedDict()
        self._lock = Lock()

    def get(self, request: Any, network_of: Callable[[str], tuple[Network, str]]) -> Scene:
        """The scene of a request: {"picture": base64 of the pixels, "changes": {…}, "weights": "model"}.

        `network_of` maps the name in "weights" to a network, and to a text that differs when its weights do.
        Raises FoveaError for an invalid request.
        """
        if not isinstance(request, dict):
            raise FoveaError(mismatch("request", "names and values", type(request).__name__))
        network, version = network_of(str(request.get("weights") or "model"))
        changes, picture = request.get("changes") or {}, pixels(request.get("picture"), network)
        content = jsons.dumps([version, changes], sort_keys=True).encode() + picture.tobytes()
        key = hashlib.sha256(content).hexdigest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        scene = Scene(edited(network, changes), picture)
        check_picture(scene.network, picture, "picture")
        with self._lock:
            self._kept[key] = scene
            size = sum(kept.nbytes for kept in self._kept.values())
            while size > MOST_BYTES and len(self._kept) > 1:
                size -= self._kept.popitem(last=False)[1].nbytes
        return scene


def pixels(text: Any, network: Network) -> np.ndarray:
    """The picture in a request, base64 of uint8 in the network's input shape (H, W, C). Raises DataError."""
    H, W, C = network.input_shape
    try:
        content = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise DataError(mismatch("picture", "pixels in base64", "something else")) from error
    if len(content) != H * W * C:
        raise DataError(mismatch("picture", f"{H}×{W}×{C} bytes", len(content)))
    return np.frombuffer(content, np.uint8).reshape(H, W, C)

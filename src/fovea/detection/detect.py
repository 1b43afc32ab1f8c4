"""The objects in pictures, by a trained detector."""

from collections.abc import Sequence

import numpy as np

from fovea import images
from fovea.detection.dataset import taken_out
from fovea.detection.decoding import BOXES, CLASSES, Outputs, corners, flat, sigmoid
from fovea.detection.detections import Detections
from fovea.detection.suppression import LEAST, best, suppress
from fovea.errors import ShapeError, mismatch
from fovea.geometry.letterbox import LETTERBOX
from fovea.network import Network


def detect(network: Network, pictures: Sequence[np.ndarray], threshold: float = LEAST) -> list[Detections]:
    """The detections in each of the uint8 pictures (H, W, C) of any sizes, in their pixels, with scores of at
    least `threshold`.

    Raises ShapeError for a network that is no detector, or for other arrays.
    """
    check_detector(network)
    found = []
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim != 3:
            got = f"{picture.dtype} {picture.shape}"
            raise ShapeError(mismatch("detect", "uint8 pictures (H, W, C)", got))
        H, W, C = network.input_shape
        (one,) = detections(network.run(images.fit(picture[None], (H, W), C, LETTERBOX)), threshold)
        found.append(in_picture(one, picture.shape, (H, W)))
    return found


def in_picture(found: Detections, picture: Sequence[int], size: Sequence[int]) -> Detections:
    """Detections in a letterbox of `size`, in the pixels of its picture (H, W, …) and cut at its edges."""
    height, width = picture[:2]
    own = taken_out(found.corners, picture, size).clip(0, [width, height, width, height])
    return Detections(own, found.scores, found.classes)


def detections(Z: Outputs, threshold: float = LEAST) -> list[Detections]:
    """The detections in each picture of a batch with outputs Z, in the network's pixels."""
    scores = sigmoid(flat(Z[CLASSES]))
    return [suppress(best(b, s, threshold)) for b, s in zip(corners(Z), scores, strict=True)]


def is_detector(network: Network) -> bool:
    """True for a network whose outputs are those of decoding.py."""
    return set(network.outputs or ()) == {CLASSES, BOXES}


def check_detector(network: Network) -> None:
    """Raise ShapeError unless the network is a detector."""
    if not is_detector(network):
        expected = f"a network with the outputs {CLASSES} and {BOXES}"
        got = ", ".join(network.outputs or ()) or "a single output"
        raise ShapeError(mismatch("detect", expected, got))

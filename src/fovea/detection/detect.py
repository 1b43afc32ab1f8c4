"""The objects in pictures, by a trained detector."""

from collections.abc import Sequence

import numpy as np

from fovea import images
from fovea.detection import tiling
from fovea.detection.dataset import taken_out
from fovea.detection.decoding import BOXES, CLASSES, STRIDE, Outputs, corners, flat, sigmoid
from fovea.detection.detections import Detections
from fovea.detection.suppression import LEAST, best, suppress
from fovea.errors import ShapeError, mismatch
from fovea.geometry.letterbox import LETTERBOX
from fovea.network import Network
from fovea.network.summary import outputs


def detect(
    network: Network, pictures: Sequence[np.ndarray], threshold: float = LEAST, *, tiled: bool = False
) -> list[Detections]:
    """The detections in each of the uint8 pictures (H, W, C) of any sizes, in their pixels, with scores of at
    least `threshold`.

    With `tiled`, the network also looks at overlapping parts of its own size, in which small objects are
    larger (`fovea.detection.tiling`). Raises ShapeError for a network that is no detector, or for other
    arrays.
    """
    check_detector(network)
    found = []
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
            got = f"{picture.dtype} {picture.shape}"
            raise ShapeError(mismatch("detect", "uint8 pictures (H, W, C) with 1 or 3 channels", got))
        H, W, _ = picture.shape
        places = np.array([[0, 0, W, H]])
        if tiled:
            height, width, _ = network.input_shape
            parts = tiling.tiles(H, W, (height, width))
            places = np.concatenate([parts, places]) if len(parts) > 1 else places
        seen = [_whole(network, picture[y0:y1, x0:x1], threshold) for x0, y0, x1, y1 in places.tolist()]
        found.append(seen[0] if len(seen) == 1 else tiling.merge(seen, places, H, W))
    return found


def _whole(network: Network, picture: np.ndarray, threshold: float) -> Detections:
    """The detections in one picture, all of which the network sees at once."""
    H, W, C = network.input_shape
    (found,) = detections(network.run(images.fit(picture[None], (H, W), C, LETTERBOX)), threshold)
    return in_picture(found, picture.shape, (H, W))


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
    if set(network.outputs) != {CLASSES, BOXES} or len(network.input_shape) != 3:
        return False
    H, W, _ = network.input_shape
    shapes = network.output_shape
    return shapes[BOXES] == (H // STRIDE, W // STRIDE, 4) and shapes[CLASSES][:2] == shapes[BOXES][:2]


def check_detector(network: Network) -> None:
    """Raise ShapeError unless the network is a detector."""
    if not is_detector(network):
        expected = f"a network with the outputs {CLASSES} and {BOXES} for points {STRIDE} pixels apart"
        got = outputs(network)
        raise ShapeError(mismatch("detect", expected, got))

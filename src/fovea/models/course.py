"""The example network of courses on CNNs: strides instead of pooling reduce a picture to 1,960 numbers.

39×39×3 → 37×37×10 (f 3) → 17×17×20 (f 5, s 2) → 7×7×40 (f 5, s 2) → 1960 → classes
"""

from collections.abc import Sequence

from fovea.layers import Conv2D, Dense, Flatten, ReLU
from fovea.models.classes import count_and_names
from fovea.network import Network


def course39(
    input_shape: Sequence[int] = (39, 39, 3), classes: int | Sequence[str] = 10, seed: int | None = 0
) -> Network:
    """The course's network for pictures of `input_shape` = (H, W, C), at least 15×15."""
    outputs, names = count_and_names(classes, "course39")
    layers = [
        Conv2D(10, 3),
        ReLU(),
        Conv2D(20, 5, stride=2),
        ReLU(),
        Conv2D(40, 5, stride=2),
        ReLU(),
        Flatten(),
        Dense(outputs),
    ]
    return Network(layers, input_shape, seed, classes=names)

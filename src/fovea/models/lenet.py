"""LeNet-5, with ReLU and max-pooling instead of the original's tanh and trained averages.

    conv 6 of 5×5, padding 2 → ReLU → max-pool 2 → conv 16 of 5×5 → ReLU → max-pool 2 → 120 → 84 → classes

The padding enlarges a 28×28 picture to 32×32, the size in the paper; 61,706 parameters.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998).
"""

from collections.abc import Sequence

from fovea.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
from fovea.models.classes import count_and_names
from fovea.network import Network


def lenet5(
    input_shape: Sequence[int] = (28, 28, 1), classes: int | Sequence[str] = 10, seed: int | None = 0
) -> Network:
    """LeNet-5 for pictures of `input_shape` = (H, W, C), at least 12×12; `classes` is their number or their
    names.

    At any size, the first convolution pads by 2 and so preserves it; the input of dense1 grows with the
    picture.
    """
    outputs, names = count_and_names(classes, "lenet5")
    layers = [
        Conv2D(6, 5, padding=2),
        ReLU(),
        MaxPool2D(2),
        Conv2D(16, 5),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dense(120),
        ReLU(),
        Dense(84),
        ReLU(),
        Dense(outputs),
    ]
    return Network(layers, input_shape, seed, classes=names)

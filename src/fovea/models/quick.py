"""A network for small pictures that learns in few epochs.

    whiten 24 → [conv 64 → max-pool 2 → conv 64] → [256, 256] → [256, 256] → max over all pixels → classes

The first filters are 2×2 and not learned: they whiten (`fovea.training.whitening`); for colour there are 24.
All other convolutions are 3×3 with padding 1, without biases, and followed by batch normalisation and ReLU.
Pooling comes before the normalisation, which then has only a quarter of the numbers. 1,972,778 parameters for
ten classes and colour.

Modelled on networks that learn CIFAR-10 in seconds: D. Page, How to train your ResNet (2018); K. Jordan, 94%
on CIFAR-10 in 3.29 seconds (2024), arXiv:2404.00498, for the widths and the first layer.
"""

from collections.abc import Sequence

from fovea.errors import ShapeError, mismatch
from fovea.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU
from fovea.models.classes import count_and_names
from fovea.network import Network

WIDTHS = (64, 256, 256)
PATCH = 2  # pixels of the first filters, high and wide
LEAST = 2 ** len(WIDTHS)  # pixels


def quicknet(
    input_shape: Sequence[int] = (32, 32, 3), classes: int | Sequence[str] = 10, seed: int | None = 0
) -> Network:
    """The network for pictures of `input_shape` = (H, W, C), at least 8×8; `classes` is their number or their
    names.

    Designed for 32×32; the larger the pictures, the more the final maximum over all pixels discards.
    """
    outputs, names = count_and_names(classes, "quicknet")
    H, W = input_shape[:2]
    if min(H, W) < LEAST:
        raise ShapeError(mismatch("quicknet", f"pictures of at least {LEAST}×{LEAST}", f"{H}×{W}"))
    filters = 2 * PATCH * PATCH * input_shape[2]
    layers: list[Layer] = [
        Conv2D(filters, PATCH, padding="same", bias=False, initializer="whitening"),
        ReLU(),
    ]
    for width in WIDTHS:
        layers += [*_convolution(width, MaxPool2D(2)), *_convolution(width)]
    left = (H // LEAST, W // LEAST)
    return Network([*layers, MaxPool2D(left), Flatten(), Dense(outputs)], input_shape, seed, classes=names)


def _convolution(filters: int, *before: Layer) -> list[Layer]:
    """A convolution, the layers `before` its normalisation, the normalisation, and ReLU."""
    return [Conv2D(filters, 3, padding=1, bias=False), *before, BatchNorm(), ReLU()]

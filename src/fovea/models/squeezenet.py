"""SqueezeNet 1.1: "fire" modules, which squeeze the channels and expand them again, half by 3×3.

    conv 1×1 → ReLU ─┬─ conv 1×1 → ReLU ─┬─ concatenated
                     └─ conv 3×3 → ReLU ─┘

A convolution of stride 2 comes first; between the modules are max-pools of 3×3 and stride 2, whose last
window may extend over the border (`ceil_mode`). At the end come Dropout, a 1×1 convolution with one filter
per class, ReLU, and the mean of each channel.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet (2016), arXiv:1602.07360; version 1.1 is in
https://github.com/forresti/SqueezeNet and https://pytorch.org/vision/stable/models/squeezenet.html
"""

from fovea.layers import Concat, Conv2D, Dropout, GlobalAveragePool2D, MaxPool2D, ReLU
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows

# The numbers of squeezing filters, and of expanding filters of each size; None is a pool.
MODULES = (
    None,
    (16, 64),
    (16, 64),
    None,
    (32, 128),
    (32, 128),
    None,
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
)


def describe(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture; it is the same for any `input_shape`."""
    rows, number = Rows(), 1
    rows.add(Conv2D(64, 3, 2), name="conv1", torch="features.0")
    rows.add(ReLU(), name="relu1")
    for position, module in enumerate(MODULES, start=2):  # torchvision counts pools, too
        if module is None:
            rows.add(MaxPool2D(3, 2, ceil_mode=True))
        else:
            number += 1
            _fire(rows, *module, prefix=f"fire{number}_", torch=f"features.{position}")
    rows.add(Dropout(0.5))
    rows.add(Conv2D(outputs, 1), name="conv10", torch="classifier.1")
    rows.add(ReLU(), name="relu10")
    rows.add(GlobalAveragePool2D())
    return rows


def _fire(rows: Rows, squeeze: int, expand: int, prefix: str, torch: str) -> None:
    rows.add(Conv2D(squeeze, 1), name=f"{prefix}squeeze", torch=f"{torch}.squeeze")
    squeezed = rows.add(ReLU(), name=f"{prefix}relu")
    rows.add(Conv2D(expand, 1), squeezed, name=f"{prefix}expand1x1", torch=f"{torch}.expand1x1")
    one = rows.add(ReLU(), name=f"{prefix}relu1x1")
    rows.add(Conv2D(expand, 3, padding=1), squeezed, name=f"{prefix}expand3x3", torch=f"{torch}.expand3x3")
    three = rows.add(ReLU(), name=f"{prefix}relu3x3")
    rows.add(Concat(), one, three, name=f"{prefix}concat")


squeezenet1_1 = Model("squeezenet1_1", describe, (224, 224, 3), 1000)

"""SqueezeNet 1.1: "fire" modules, which squeeze the channels and expand them again, half by 3×3.

    conv 1×1 → ReLU ─┬─ conv 1×1 → ReLU ─┬─ side by side
                     └─ conv 3×3 → ReLU ─┘

A convolution of stride 2 comes first; max-pools of 3×3 and stride 2, whose last window may stand over the
border (`ceil_mode`), between. At the end, after Dropout, a convolution of 1×1 has a filter for each class;
then ReLU, and the mean of each.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet (2016), arXiv:1602.07360; version 1.1 is in
https://github.com/forresti/SqueezeNet and https://pytorch.org/vision/stable/models/squeezenet.html
"""

from fovea.layers import Concat, Conv2D, Dropout, GlobalAveragePool2D, MaxPool2D, ReLU
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows

# Filters that squeeze, and filters of each size that expand; None is a pool.
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


def rows(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture; it is the same for any `input_shape`."""
    found, number = Rows(), 1
    found.add(Conv2D(64, 3, 2), name="conv1", torch="features.0")
    found.add(ReLU(), name="relu1")
    for place, module in enumerate(MODULES, start=2):  # torchvision counts all
        if module is None:
            found.add(MaxPool2D(3, 2, ceil_mode=True))
        else:
            number += 1
            _fire(found, *module, prefix=f"fire{number}_", torch=f"features.{place}")
    found.add(Dropout(0.5))
    found.add(Conv2D(outputs, 1), name="conv10", torch="classifier.1")
    found.add(ReLU(), name="relu10")
    found.add(GlobalAveragePool2D())
    return found


def _fire(found: Rows, squeeze: int, expand: int, prefix: str, torch: str) -> None:
    found.add(Conv2D(squeeze, 1), name=f"{prefix}squeeze", torch=f"{torch}.squeeze")
    squeezed = found.add(ReLU(), name=f"{prefix}relu")
    found.add(Conv2D(expand, 1), squeezed, name=f"{prefix}expand1x1", torch=f"{torch}.expand1x1")
    one = found.add(ReLU(), name=f"{prefix}relu1x1")
    found.add(Conv2D(expand, 3, padding=1), squeezed, name=f"{prefix}expand3x3", torch=f"{torch}.expand3x3")
    three = found.add(ReLU(), name=f"{prefix}relu3x3")
    found.add(Concat(), one, three, name=f"{prefix}concat")


squeezenet1_1 = Model("squeezenet1_1", rows, (224, 224, 3), 1000)

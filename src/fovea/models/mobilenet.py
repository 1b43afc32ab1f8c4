"""MobileNetV2: blocks that widen, filter every channel by itself, and narrow again without an activation.

    conv 1×1, t times as wide → BN → ReLU6 → depthwise 3×3 → BN → ReLU6 → conv 1×1 → BN ─ + ─

The sum with what came in is there where the shape stays. A convolution of stride 2 comes first, one of 1×1
with 1280 filters last; then the mean of each channel, Dropout and a dense layer.

Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2 (2018), arXiv:1801.04381, table 2; as torchvision has it:
https://pytorch.org/vision/stable/models/mobilenetv2.html
"""

from fovea.layers import Add, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU6
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows

# t, filters, blocks, and the stride of the first of them
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def rows(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture; it is the same for any `input_shape`."""
    found, channels, place = Rows(), 32, 0
    stem = Conv2D(channels, 3, 2, 1, bias=False)
    last = found.convolve(stem, number=1, torch=("features.0.0", "features.0.1"), activation=ReLU6)
    for widening, filters, blocks, first in STAGES:
        for block in range(blocks):
            place += 1
            stride = first if block == 0 else 1
            last = _block(found, last, channels, channels * widening, filters, stride, place)
            channels = filters
    head = Conv2D(1280, 1, bias=False)
    torch = f"features.{place + 1}.0", f"features.{place + 1}.1"
    found.convolve(head, last, prefix="head_", torch=torch, activation=ReLU6)
    found.add(GlobalAveragePool2D())
    found.add(Dropout(0.2))
    found.add(Dense(outputs), torch="classifier.1")
    return found


def _block(found: Rows, last: str, channels: int, wide: int, filters: int, stride: int, place: int) -> str:
    """One block, the number `place` of all; its last layer's name."""
    came_in, prefix, torch, number = last, f"block{place}_", f"features.{place}.conv", 0
    around = [Conv2D(wide, 1, bias=False)] if wide != channels else []
    for conv in (*around, Conv2D(wide, 3, stride, 1, groups=wide, bias=False)):
        names = f"{torch}.{number}.0", f"{torch}.{number}.1"
        number += 1
        last = found.convolve(conv, last, prefix=prefix, number=number, torch=names, activation=ReLU6)
    names = f"{torch}.{number}", f"{torch}.{number + 1}"
    narrow = Conv2D(filters, 1, bias=False)
    last = found.convolve(narrow, last, prefix=prefix, number=number + 1, torch=names, activation=None)
    if stride == 1 and channels == filters:
        last = found.add(Add(), last, came_in, name=f"{prefix}add")
    return last


mobilenet_v2 = Model("mobilenet_v2", rows, (224, 224, 3), 1000)

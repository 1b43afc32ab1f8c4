"""MobileNetV2: blocks that expand the channels, filter each separately, and project back without an
activation.

    conv 1×1, t times as wide → BN → ReLU6 → depthwise 3×3 → BN → ReLU6 → conv 1×1 → BN ─ + ─

Blocks that preserve the shape add their input. A convolution of stride 2 comes first, one of 1×1 with 1280
filters last; then the mean of each channel, Dropout and a dense layer.

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


def describe(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture; it is the same for any `input_shape`."""
    rows, channels, number = Rows(), 32, 0
    stem = Conv2D(channels, 3, 2, 1, bias=False)
    last = rows.convolve(stem, number=1, torch=("features.0.0", "features.0.1"), activation=ReLU6)
    for widening, filters, blocks, first in STAGES:
        for block in range(blocks):
            number += 1
            stride = first if block == 0 else 1
            last = _block(rows, last, channels, channels * widening, filters, stride, number)
            channels = filters
    head = Conv2D(1280, 1, bias=False)
    torch = f"features.{number + 1}.0", f"features.{number + 1}.1"
    rows.convolve(head, last, prefix="head_", torch=torch, activation=ReLU6)
    rows.add(GlobalAveragePool2D())
    rows.add(Dropout(0.2))
    rows.add(Dense(outputs), torch="classifier.1")
    return rows


def _block(rows: Rows, source: str, channels: int, wide: int, filters: int, stride: int, block: int) -> str:
    """Add block number `block` to `rows`, after the layer `source`; returns the name of its last layer."""
    last, prefix, torch, number = source, f"block{block}_", f"features.{block}.conv", 0
    expand = [Conv2D(wide, 1, bias=False)] if wide != channels else []
    for conv in (*expand, Conv2D(wide, 3, stride, 1, groups=wide, bias=False)):
        names = f"{torch}.{number}.0", f"{torch}.{number}.1"
        number += 1
        last = rows.convolve(conv, last, prefix=prefix, number=number, torch=names, activation=ReLU6)
    names = f"{torch}.{number}", f"{torch}.{number + 1}"
    project = Conv2D(filters, 1, bias=False)
    last = rows.convolve(project, last, prefix=prefix, number=number + 1, torch=names, activation=None)
    if stride == 1 and channels == filters:
        last = rows.add(Add(), last, source, name=f"{prefix}add")
    return last


mobilenet_v2 = Model("mobilenet_v2", describe, (224, 224, 3), 1000)

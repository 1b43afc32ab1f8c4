"""EfficientNet-Lite0: MobileNetV2's blocks, scaled by a search, without what small processors compute slowly.

    conv 1×1, e times as wide → BN → ReLU6 → depthwise → BN → ReLU6 → conv 1×1 → BN ─ + ─

The sum with the block's input is there where shapes agree. No squeeze-and-excitation, and ReLU6 instead of
swish. Padding is TensorFlow's "same": where a stride leaves an odd pixel, it comes after, so that any input
size works. BatchNorm has ε = 1e-3. 4,652,008 parameters for 1000 classes.

Tan, Le: EfficientNet (2019), arXiv:1905.11946; the Lite variants:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from fovea.layers import Add, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU6
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows
from fovea.network.preprocessing import Preprocessing

# blocks, filter size, stride of the first, expansion e, filters
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
EPSILON = 1e-3
PREPROCESSING = Preprocessing((127 / 255,) * 3, (128 / 255,) * 3, crop=0.875)  # (u − 127) / 128


def rows(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture; it is the same for any `input_shape`."""
    net, channels, number = Rows(epsilon=EPSILON), 32, 0
    stem = Conv2D(channels, 3, 2, "same", bias=False)
    last = net.convolve(stem, prefix="stem_", torch=("_conv_stem", "_bn0"), activation=ReLU6)
    for blocks, size, first, expansion, filters in STAGES:
        for block in range(blocks):
            stride = first if block == 0 else 1
            last = _block(net, last, channels, filters, size, stride, expansion, number)
            channels, number = filters, number + 1
    head = Conv2D(1280, 1, bias=False)
    net.convolve(head, last, prefix="head_", torch=("_conv_head", "_bn1"), activation=ReLU6)
    net.add(GlobalAveragePool2D())
    net.add(Dropout(0.2))
    net.add(Dense(outputs), torch="_fc")
    return net


def _block(
    net: Rows, source: str, channels: int, filters: int, size: int, stride: int, expansion: int, number: int
) -> str:
    """Add block `number`, counted from 0, behind the layer `source`; its last layer's name."""
    wide, last, prefix, torch = channels * expansion, source, f"block{number}_", f"_blocks.{number}"
    if expansion > 1:
        widen, names = Conv2D(wide, 1, bias=False), (f"{torch}._expand_conv", f"{torch}._bn0")
        last = net.convolve(widen, last, prefix=prefix, number="_expand", torch=names, activation=ReLU6)
    each = Conv2D(wide, size, stride, "same", groups=wide, bias=False)
    names = f"{torch}._depthwise_conv", f"{torch}._bn1"
    last = net.convolve(each, last, prefix=prefix, number="_depthwise", torch=names, activation=ReLU6)
    narrow, names = Conv2D(filters, 1, bias=False), (f"{torch}._project_conv", f"{torch}._bn2")
    last = net.convolve(narrow, last, prefix=prefix, number="_project", torch=names, activation=None)
    if stride == 1 and channels == filters:
        last = net.add(Add(), last, source, name=f"{prefix}add")
    return last


efficientnet_lite0 = Model("efficientnet_lite0", rows, (224, 224, 3), 1000, PREPROCESSING)

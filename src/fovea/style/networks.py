"""The one-pass painters: networks that repaint a photograph in a style.

    contract   9×9, then two convolutions 3×3 with stride 2
    blocks     two convolutions 3×3, whose output is added to their input
    expand     twice nearest upsampling by 2 and a convolution 3×3, then 9×9 to RGB, and a sigmoid

Borders are mirrored, so that no frame appears in the painting. A style is the scales γ and shifts β of the
instance normalisations, and nothing else: all styles share the filters. The `stylist`, MobileNetV2 with 100
outputs, describes the style of any picture by 100 numbers, from which a dense layer for each normalisation
computes γ and β.

The sides of a painting are the next multiples of 4 of the photograph's.

Dumoulin, Shlens, Kudlur: A learned representation for artistic style (2017), arXiv:1610.07629; Ghiasi, Lee,
Kudlur, Dumoulin, Shlens: Exploring the structure of a real-time, arbitrary neural artistic stylization
network (2017), arXiv:1705.06830; Sandler and others: MobileNetV2 (2018), arXiv:1801.04381, table 2.
"""

from dataclasses import dataclass

from fovea.layers import (
    Add,
    Conv2D,
    Dense,
    GlobalAveragePool2D,
    InstanceNorm,
    ReLU,
    ReLU6,
    Sigmoid,
    Upsample2D,
)
from fovea.models.rows import Rows
from fovea.network import Network

NUMBERS = 100  # that describe a style
SIDE = 256  # pixels of the picture that the stylist looks at


@dataclass(frozen=True)
class Architecture:
    """The channels after each convolution of `contract` and `expand`, the number of blocks, and whether
    `contract` is normalised, and so has the styles too, or has biases."""

    contract: tuple[int, int, int]
    blocks: int
    expand: tuple[int, int, int]
    normalised: bool


PAINTERS = {
    "multistyle26": Architecture((32, 32, 32), 6, (8, 4, 3), normalised=True),
    "arbitrary": Architecture((8, 16, 32), 5, (16, 8, 3), normalised=False),
}


def painter(name: str, height: int, width: int) -> Network:
    """The painter of that name for photographs of that size, float32 RGB from 0 to 1, without its weights."""
    chosen, net, last = PAINTERS[name], Rows(), ""
    for number, (filters, size, stride) in enumerate(zip(chosen.contract, (9, 3, 3), (1, 2, 2), strict=True)):
        _mirrored(net, f"contract{number}", filters, size, stride, normalised=chosen.normalised)
        last = net.add(ReLU(), name=f"contract{number}_relu")
    for block in range(chosen.blocks):
        start, filters = last, chosen.contract[-1]
        _mirrored(net, f"block{block}_0", filters, 3)
        net.add(ReLU(), name=f"block{block}_relu")
        last = net.add(Add(), _mirrored(net, f"block{block}_1", filters, 3), start, name=f"block{block}_add")
    for number, (filters, size) in enumerate(zip(chosen.expand, (3, 3, 9), strict=True)):
        if size == 3:
            net.add(Upsample2D(2), name=f"expand{number}_up")
        _mirrored(net, f"expand{number}", filters, size)
        net.add(ReLU() if size == 3 else Sigmoid(), name=f"expand{number}_activation")
    return Network(net.nodes, (height, width, 3), seed=None)


def _mirrored(net: Rows, name: str, filters: int, size: int, stride: int = 1, normalised: bool = True) -> str:
    """Add a convolution of a picture with mirrored borders, and its normalisation; returns the last layer."""
    conv = Conv2D(filters, size, stride, size // 2, bias=not normalised, padding_mode="mirror")
    last = net.add(conv, name=name)
    return net.add(InstanceNorm(), name=f"{name}_norm") if normalised else last


# blocks, stride of the first, expansion, filters
STAGES = (
    (1, 1, 1, 16), (2, 2, 6, 24), (3, 2, 6, 32), (4, 2, 6, 64), (3, 1, 6, 96), (3, 2, 6, 160), (1, 1, 6, 320),
)  # fmt: skip


def stylist() -> Network:
    """The network that describes the style of a picture, float32 RGB (256, 256, 3) from 0 to 1, by 100
    numbers; without its weights. Its batch normalisations are part of its filters."""
    net, channels, number = Rows(), 32, 0
    net.add(Conv2D(channels, 3, 2, "same"), name="stem")
    last = net.add(ReLU6(), name="stem_relu")
    for blocks, stride, expansion, filters in STAGES:
        for block in range(blocks):
            start, wide, name = last, channels * expansion, f"block{number}"
            if expansion > 1:
                net.add(Conv2D(wide, 1), name=f"{name}_expand")
                net.add(ReLU6(), name=f"{name}_expand_relu")
            step = stride if block == 0 else 1
            net.add(Conv2D(wide, 3, step, "same", groups=wide), name=f"{name}_depthwise")
            net.add(ReLU6(), name=f"{name}_depthwise_relu")
            last = net.add(Conv2D(filters, 1), name=f"{name}_project")
            if step == 1 and channels == filters:
                last = net.add(Add(), last, start, name=f"{name}_add")
            channels, number = filters, number + 1
    net.add(Conv2D(1280, 1), name="head")
    net.add(ReLU6(), name="head_relu")
    net.add(GlobalAveragePool2D(), name="pool")
    net.add(Dense(NUMBERS), name="style")
    return Network(net.nodes, (SIDE, SIDE, 3), seed=None)

"""Residual networks: a block adds the output of its convolutions to its input, passed along a shortcut.

    basic        conv 3×3 → BN → ReLU → conv 3×3 → BN ─ + ─ ReLU
    bottleneck   conv 1×1 → BN → ReLU → conv 3×3 → BN → ReLU → conv 1×1, 4 × the channels → BN ─ + ─ ReLU

Every stage but the first starts with a stride of 2 and has twice the channels. All networks end with the mean
of each channel and a dense layer.

For large pictures, a 7×7 convolution and max-pooling, both of stride 2, come first; then four stages of 64,
128, 256, 512 filters. At the start of a stage, the shortcut is a 1×1 convolution with BN ("option B"). The
bottleneck's stride is in the 3×3 convolution, as in torchvision ("v1.5"), not in the first 1×1 as in the
paper.

For 32×32, a 3×3 convolution comes first; then three stages of 16, 32, 64 filters and n blocks each: 6n + 2
weighted layers. At the start of a stage, the shortcut has no parameters ("option A",
`fovea.layers.Shortcut`).

He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015), arXiv:1512.03385; section 4.2 for
32×32. Names and v1.5: https://pytorch.org/vision/stable/models/resnet.html
"""

from fovea.layers import Add, Conv2D, Dense, GlobalAveragePool2D, MaxPool2D, ReLU, Shortcut
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows

LARGE = (224, 224, 3)
SMALL = (32, 32, 3)
EXPANSION = 4  # channels of a bottleneck's output per channel of its 3×3 convolution

# name → blocks of each stage, and True for bottlenecks
DEPTHS: dict[str, tuple[tuple[int, ...], bool]] = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet20": ((3, 3, 3), False),
    "resnet32": ((5, 5, 5), False),
    "resnet56": ((9, 9, 9), False),
}


def describe(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture of that name; it is the same for any `input_shape`."""
    depths, bottleneck = DEPTHS[name]
    large = len(depths) == 4
    rows, depth = Rows(), 64 if large else 16
    if large:
        stem = Conv2D(depth, 7, 2, 3, bias=False)
        rows.convolve(stem, number=1, torch=("conv1", "bn1"))
        last = rows.add(MaxPool2D(3, 2, 1))
    else:
        last = rows.convolve(Conv2D(depth, 3, padding=1, bias=False), number=1)
    channels = depth
    for stage, blocks in enumerate(depths, start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            prefix = f"stage{stage}_block{block + 1}_"
            torch = f"layer{stage}.{block}." if large else ""
            deeper = depth * (EXPANSION if bottleneck else 1)
            shortcut = last
            if channels != deeper:  # always the case if the stride is 2
                shortcut = _project(rows, last, deeper, stride, prefix, torch)
            last = _block(rows, last, shortcut, depth, stride, bottleneck, prefix, torch)
            channels = deeper
        depth *= 2
    rows.add(GlobalAveragePool2D())
    rows.add(Dense(outputs), torch="fc" if large else "")
    return rows


def _project(rows: Rows, last: str, deeper: int, stride: int, prefix: str, torch: str) -> str:
    """Add a shortcut that changes the shape: option B if torchvision has names for it, else A."""
    if not torch:
        return rows.add(Shortcut(deeper, stride), last, name=f"{prefix}shortcut")
    conv = Conv2D(deeper, 1, stride, bias=False)
    names = f"{torch}downsample.0", f"{torch}downsample.1"
    return rows.convolve(conv, last, prefix=f"{prefix}shortcut_", torch=names, activation=None)


def _block(
    rows: Rows, last: str, shortcut: str, depth: int, stride: int, bottleneck: bool, prefix: str, torch: str
) -> str:
    """Add the convolutions of a block, the sum, and the last ReLU; returns the ReLU's name."""
    if bottleneck:
        convolutions = [(depth, 1, 1), (depth, 3, stride), (EXPANSION * depth, 1, 1)]
    else:
        convolutions = [(depth, 3, stride), (depth, 3, 1)]
    for number, (filters, size, conv_stride) in enumerate(convolutions, start=1):
        conv = Conv2D(filters, size, conv_stride, size // 2, bias=False)
        names = (f"{torch}conv{number}", f"{torch}bn{number}") if torch else ("", "")
        activation = None if number == len(convolutions) else ReLU
        last = rows.convolve(conv, last, prefix=prefix, number=number, torch=names, activation=activation)
    rows.add(Add(), last, shortcut, name=f"{prefix}add")
    return rows.add(ReLU(), name=f"{prefix}relu{len(convolutions)}")


resnet18, resnet34, resnet50 = (
    Model(name, describe, LARGE, 1000) for name in ("resnet18", "resnet34", "resnet50")
)
resnet20, resnet32, resnet56 = (
    Model(name, describe, SMALL, 10) for name in ("resnet20", "resnet32", "resnet56")
)

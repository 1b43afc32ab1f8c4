"""Residual networks: a block gives what came in, along a shortcut, plus what its convolutions make of it.

    basic        conv 3×3 → BN → ReLU → conv 3×3 → BN ─ + ─ ReLU
    bottleneck   conv 1×1 → BN → ReLU → conv 3×3 → BN → ReLU → conv 1×1, four times as deep → BN ─ + ─ ReLU

Every stage but the first begins with a stride of 2 and is twice as deep. All end with the mean of each
channel and a dense layer.

For large pictures, a 7×7 convolution and max-pooling, both of stride 2, come first; then four stages of 64,
128, 256, 512 filters. Where a stage begins, the shortcut is a 1×1 convolution with BN ("option B"). The
bottleneck has its stride in the 3×3 convolution, as torchvision has it ("v1.5"), not in the first 1×1 as in
the paper.

For 32×32, a 3×3 convolution comes first; then three stages of 16, 32, 64 filters and n blocks each: 6n + 2
weighted layers. Where a stage begins, the shortcut has no parameters ("option A", `fovea.layers.Shortcut`).

He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015), arXiv:1512.03385; section 4.2 for
32×32. Names and v1.5: https://pytorch.org/vision/stable/models/resnet.html
"""

from fovea.layers import Add, Conv2D, Dense, GlobalAveragePool2D, MaxPool2D, ReLU, Shortcut
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows

LARGE = (224, 224, 3)
SMALL = (32, 32, 3)
EXPANSION = 4  # how much deeper a bottleneck's output is than its 3×3 convolution

# name → blocks of each stage, and whether they are bottlenecks
DEPTHS: dict[str, tuple[tuple[int, ...], bool]] = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet20": ((3, 3, 3), False),
    "resnet32": ((5, 5, 5), False),
    "resnet56": ((9, 9, 9), False),
}


def rows(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture of that name; it is the same for any `input_shape`."""
    depths, bottleneck = DEPTHS[name]
    large = len(depths) == 4
    found, depth = Rows(), 64 if large else 16
    if large:
        stem = Conv2D(depth, 7, 2, 3, bias=False)
        found.convolve(stem, number=1, torch=("conv1", "bn1"))
        last = found.add(MaxPool2D(3, 2, 1))
    else:
        last = found.convolve(Conv2D(depth, 3, padding=1, bias=False), number=1)
    channels = depth
    for stage, blocks in enumerate(depths, start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            prefix = f"stage{stage}_block{block + 1}_"
            torch = f"layer{stage}.{block}." if large else ""
            deeper = depth * (EXPANSION if bottleneck else 1)
            shortcut = last
            if channels != deeper:  # it also is where the stride is 2
                shortcut = _project(found, last, deeper, stride, prefix, torch)
            last = _block(found, last, shortcut, depth, stride, bottleneck, prefix, torch)
            channels = deeper
        depth *= 2
    found.add(GlobalAveragePool2D())
    found.add(Dense(outputs), torch="fc" if large else "")
    return found


def _project(found: Rows, last: str, deeper: int, stride: int, prefix: str, torch: str) -> str:
    """A shortcut that changes the shape: option B where there are torchvision's names, else A."""
    if not torch:
        return found.add(Shortcut(deeper, stride), last, name=f"{prefix}shortcut")
    conv = Conv2D(deeper, 1, stride, bias=False)
    names = f"{torch}downsample.0", f"{torch}downsample.1"
    return found.convolve(conv, last, prefix=f"{prefix}shortcut_", torch=names, activation=None)


def _block(
    found: Rows, last: str, shortcut: str, depth: int, stride: int, bottleneck: bool, prefix: str, torch: str
) -> str:
    """The convolutions of a block, the sum, and the last ReLU, whose name it gives."""
    plain = [(depth, 3, stride), (depth, 3, 1)]
    around = [(depth, 1, 1), (depth, 3, stride), (EXPANSION * depth, 1, 1)] if bottleneck else plain
    for number, (filters, size, own) in enumerate(around, start=1):
        conv = Conv2D(filters, size, own, size // 2, bias=False)
        names = (f"{torch}conv{number}", f"{torch}bn{number}") if torch else ("", "")
        ends = number == len(around)
        last = found.convolve(
            conv, last, prefix=prefix, number=number, torch=names, activation=None if ends else ReLU
        )
    found.add(Add(), last, shortcut, name=f"{prefix}add")
    return found.add(ReLU(), name=f"{prefix}relu{len(around)}")


resnet18, resnet34, resnet50 = (
    Model(name, rows, LARGE, 1000) for name in ("resnet18", "resnet34", "resnet50")
)
resnet20, resnet32, resnet56 = (Model(name, rows, SMALL, 10) for name in ("resnet20", "resnet32", "resnet56"))

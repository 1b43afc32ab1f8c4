"""Detectors of one level: a body down to 1/32 of the picture, a neck back up to 1/8, and two heads there.

    neck     1/32 → conv 1×1 → up ×2 → + conv 1×1 of 1/16 → conv 3×3 → up ×2 → + conv 1×1 of 1/8 → conv 3×3
    heads    conv 3×3 → conv 1×1 to the classes' logits; conv 3×3 → conv 1×1 to four distances

All convolutions but the last have batch normalisation and ReLU. The outputs, classes (H/8, W/8, classes) and
boxes (H/8, W/8, 4), have a row for each point of a grid, as `fovea.detection.decoding` reads them.

spot_small and spot_medium have a body of residual blocks of 3×3 convolutions, which a processor computes much
faster, for their multiply-adds, than the depthwise ones of detectors made for phones. spot_lite0 has the body
of EfficientNet-Lite0, whose trained weights it can start from.

One level: Chen and others: You only look one-level feature (2021), arXiv:2103.09460. Separate heads: Ge and
others: YOLOX (2021), arXiv:2107.08430.
"""

from dataclasses import dataclass

from fovea.errors import ShapeError, mismatch
from fovea.layers import Add, Conv2D, ReLU, Upsample2D
from fovea.layers.base import Shape
from fovea.models import efficientnet
from fovea.models.rows import Model, Rows
from fovea.network.preprocessing import Preprocessing

STRIDE = 32  # of the body: sides are multiples of it
SIDES = 4
ENDS = ("classes", "boxes")  # the last layers of the heads


@dataclass(frozen=True)
class Widths:
    """The filters of the stem, of the four stages, with a number of blocks each, and of neck and heads."""

    stem: int
    stages: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]
    neck: int


WIDTHS = {
    "spot_small": Widths(16, (32, 64, 128, 192), (1, 1, 1, 1), 64),
    "spot_medium": Widths(24, (48, 96, 160, 256), (1, 2, 2, 1), 96),
}


def dense(name: str, input_shape: Shape, outputs: int) -> Rows:
    """A detector with a residual body."""
    _check(name, input_shape)
    widths, net, levels = WIDTHS[name], Rows(), []
    last = _conv(net, Conv2D(widths.stem, 3, 2, 1, bias=False), "stem")
    for stage, (filters, blocks) in enumerate(zip(widths.stages, widths.blocks, strict=True), start=1):
        last = _conv(net, Conv2D(filters, 3, 2, 1, bias=False), f"stage{stage}", last)
        for block in range(1, blocks + 1):
            prefix, start = f"stage{stage}_block{block}_", last
            net.convolve(Conv2D(filters, 3, padding=1, bias=False), last, prefix=prefix, number=1)
            conv = Conv2D(filters, 3, padding=1, bias=False)
            last = net.convolve(conv, prefix=prefix, number=2, activation=None)
            net.add(Add(), last, start, name=f"{prefix}add")
            last = net.add(ReLU(), name=f"{prefix}relu")
        levels.append(last)
    return _heads(net, levels[1:], widths.neck, outputs)


def lite0(name: str, input_shape: Shape, outputs: int) -> Rows:
    """A detector with the body of EfficientNet-Lite0, up to its block 14."""
    _check(name, input_shape)
    whole = efficientnet.rows(name, input_shape, 1)
    ends = ("block4_add", "block10_add", "block14_add")  # at 1/8, 1/16 and 1/32
    net = Rows(epsilon=efficientnet.EPSILON)
    net.nodes = whole.nodes[: [node.name for node in whole.nodes].index(ends[-1]) + 1]
    return _heads(net, list(ends), 64, outputs)


def _heads(net: Rows, levels: list[str], width: int, outputs: int) -> Rows:
    """Add neck and heads behind the layers `levels`, at 1/8, 1/16 and 1/32 of the picture."""
    last = _conv(net, Conv2D(width, 1, bias=False), "neck32", levels[2])
    for scale, level in ((16, levels[1]), (8, levels[0])):
        up = net.add(Upsample2D(2), last, name=f"neck{scale}_up")
        side = _conv(net, Conv2D(width, 1, bias=False), f"neck{scale}", level)
        last = net.add(Add(), up, side, name=f"neck{scale}_add")
        last = _conv(net, Conv2D(width, 3, padding=1, bias=False), f"neck{scale}_merge", last)
    for head, filters in zip(ENDS, (outputs, SIDES), strict=True):
        _conv(net, Conv2D(width, 3, padding=1, bias=False), f"{head}_head", last)
        net.add(Conv2D(filters, 1), name=head)
    return net


def _conv(net: Rows, conv: Conv2D, prefix: str, *after: str) -> str:
    return net.convolve(conv, *after, prefix=f"{prefix}_")


def _check(name: str, shape: Shape) -> None:
    if shape[0] % STRIDE or shape[1] % STRIDE:
        expected = f"pictures with sides that are multiples of {STRIDE}"
        raise ShapeError(mismatch(name, expected, f"{shape[0]}×{shape[1]}"))


LARGE = (320, 320, 3)
NONE = Preprocessing.none(3)
spot_small, spot_medium = (Model(name, dense, LARGE, 80, NONE, ENDS) for name in WIDTHS)
LITE0 = "spot_lite0"
spot_lite0 = Model(LITE0, lite0, LARGE, 80, efficientnet.PREPROCESSING, ENDS)

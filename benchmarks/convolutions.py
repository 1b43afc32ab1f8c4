"""The convolutions that are measured, and where they come from.

table      sizes of common residual networks, and the largest and smallest kinds of first layers
vgg16      every distinct one of VGG-16 on 224×224 pictures: Simonyan, Zisserman (2014), arXiv:1409.1556
resnet50   every distinct one of ResNet-50 v1.5 (stride 2 in the 3×3): He et al. (2015), arXiv:1512.03385
alexnet    its first: Krizhevsky, Sutskever, Hinton (2012)
lenet5     its first; its second is in the table
odd        numbers of channels that no vector divides, beside the next multiples of 16
depthwise  those of MobileNetV2: Sandler et al. (2018), arXiv:1801.04381; two of 5×5, as later networks have
grouped    32 groups of 4 channels, as ResNeXt-50 has: Xie et al. (2016), arXiv:1611.05431; and two wide ones
dilated    as segmentation has them: Chen et al. (2017), arXiv:1706.05587
"""

from dataclasses import dataclass

from fovea.geometry import Window


@dataclass(frozen=True)
class Convolution:
    """`K` filters of f×f at stride s, with padding p on all sides, over N pictures of H×H×C; in g groups, a
    filter's pixels d apart."""

    group: str
    N: int
    H: int
    C: int
    K: int
    f: int = 3
    s: int = 1
    p: int = 1
    d: int = 1
    g: int = 1

    @property
    def name(self) -> str:
        depthwise = self.C == self.K == self.g > 1
        filters = "dw" if depthwise else f"{self.K}" + (f"g{self.g}" if self.g > 1 else "")
        end = f"s{self.s}" + (f"d{self.d}" if self.d > 1 else "")
        return f"{self.N}x{self.H}x{self.H}x{self.C}-{filters}-{self.f}x{self.f}-{end}"

    @property
    def output_size(self) -> int:
        return Window.of((self.H, self.H), self.f, self.s, self.p, dilation=self.d).output[0]

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of each pass by the formula; a faster algorithm needs fewer."""
        return self.N * self.output_size**2 * self.K * self.f**2 * self.C // self.g

    @property
    def has_dA(self) -> bool:
        """Nobody asks for the pictures' gradient: colours (and grey) come first in a network."""
        return self.C > 3


def _table() -> list[Convolution]:
    sizes = [(32, 56, 64, 64), (32, 28, 128, 128), (32, 14, 256, 256), (32, 7, 512, 512)]
    sizes += [(128, 32, 16, 16), (128, 16, 32, 32), (128, 8, 64, 64)]
    rest = [(32, 56, 64, 256, 1, 1, 0), (32, 56, 64, 128, 3, 2), (32, 224, 3, 64, 7, 2, 3)]
    return [Convolution("table", *size) for size in (*sizes, *rest, (64, 14, 6, 16, 5, 1, 0))]


def _vgg16(N: int = 8) -> list[Convolution]:
    sizes = [(224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128), (56, 128, 256), (56, 256, 256)]
    sizes += [(28, 256, 512), (28, 512, 512), (14, 512, 512)]
    return [Convolution("vgg16", N, *size) for size in sizes]


def _resnet50(N: int = 8) -> list[Convolution]:
    """Four stages of blocks 1×1 → 3×3 → 1×1 (four times as wide), with a 1×1 beside each stage's first."""
    found = [(224, 3, 64, 7, 2, 3)]
    size, channels = 56, 64
    for stage, width in enumerate((64, 128, 256, 512)):
        stride = 2 if stage else 1
        for s in (stride, 1):  # the first block, and those behind it
            if channels != 4 * width:
                found.append((size, channels, 4 * width, 1, s, 0))
            found += [(size, channels, width, 1, 1, 0), (size, width, width, 3, s, 1)]
            size, channels = size // s, 4 * width
            found.append((size, width, channels, 1, 1, 0))
    return [Convolution("resnet50", N, *shape) for shape in dict.fromkeys(found)]


ODD = {17: 32, 24: 32, 40: 48}  # channels → the next multiple of 16


def _odd() -> list[Convolution]:
    return [Convolution("odd", 64, 28, n, n) for n in (*ODD, *sorted(set(ODD.values())))]


def _depthwise(N: int = 8) -> list[Convolution]:
    """(size, channels, stride) of MobileNetV2's, on 224×224 pictures."""
    sizes = [(112, 32, 1), (112, 96, 2), (56, 144, 1), (56, 144, 2), (28, 192, 1), (28, 192, 2), (14, 384, 1)]
    sizes += [(14, 576, 1), (14, 576, 2), (7, 960, 1)]
    small = [Convolution("depthwise", N, H, C, C, 3, s, 1, g=C) for H, C, s in sizes]
    large = ((56, 72, 2), (14, 480, 1))
    return small + [Convolution("depthwise", N, H, C, C, 5, s, 2, g=C) for H, C, s in large]


def _grouped(N: int = 8) -> list[Convolution]:
    sizes = [(56, 128, 1), (28, 256, 1), (14, 512, 1), (7, 1024, 1)]
    narrow = [Convolution("grouped", N, H, C, C, 3, s, g=32) for H, C, s in (*sizes, (56, 256, 2))]
    return [*narrow, *(Convolution("grouped", N, 28, 256, 256, g=g) for g in (8, 2))]


def _dilated(N: int = 8) -> list[Convolution]:
    return [Convolution("dilated", N, 28, C, C, 3, 1, d, d) for C, d in ((128, 2), (256, 2), (256, 6))]


ALL = [
    *_table(),
    *_vgg16(),
    *_resnet50(),
    Convolution("alexnet", 8, 224, 3, 96, 11, 4, 2),
    Convolution("lenet5", 64, 28, 1, 6, 5, 1, 2),
    *_odd(),
    *_depthwise(),
    *_grouped(),
    *_dilated(),
]

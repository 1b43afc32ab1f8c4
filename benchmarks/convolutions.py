"""The convolutions that are measured, and where they come from.

table      sizes of common residual networks, and the largest and smallest kinds of first layers
vgg16      every distinct one of VGG-16 on 224×224 pictures: Simonyan, Zisserman (2014), arXiv:1409.1556
resnet50   every distinct one of ResNet-50 v1.5 (stride 2 in the 3×3): He et al. (2015), arXiv:1512.03385
alexnet    its first: Krizhevsky, Sutskever, Hinton (2012)
odd        numbers of channels that no vector divides, beside the next multiples of 16
"""

from dataclasses import dataclass

from fovea.geometry import Window


@dataclass(frozen=True)
class Convolution:
    """`K` filters of f×f at stride s, with padding p on all sides, over N pictures of H×H×C."""

    group: str
    N: int
    H: int
    C: int
    K: int
    f: int = 3
    s: int = 1
    p: int = 1

    @property
    def name(self) -> str:
        return f"{self.N}x{self.H}x{self.H}x{self.C}-{self.K}-{self.f}x{self.f}-s{self.s}"

    @property
    def output_size(self) -> int:
        return Window.of((self.H, self.H), self.f, self.s, self.p).output[0]

    @property
    def multiply_adds(self) -> int:
        """Of each pass, as the formula has them; a cleverer algorithm does with fewer."""
        return self.N * self.output_size**2 * self.K * self.f**2 * self.C

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


ALL = [
    *_table(),
    *_vgg16(),
    *_resnet50(),
    Convolution("alexnet", 8, 224, 3, 96, 11, 4, 2),
    *_odd(),
]

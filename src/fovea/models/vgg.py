"""VGG: convolutions of 3×3 and nothing else between five max-pools, then three dense layers.

    11   64 P 128 P 256 256 P 512 512 P 512 512 P → 4096 → 4096 → classes
    16   64 64 P 128 128 P 256 256 256 P 512 512 512 P 512 512 512 P → 4096 → 4096 → classes
    19   64 64 P 128 128 P 256 256 256 256 P 512 512 512 512 P 512 → the mean of each channel → classes

Every convolution pads by 1 and is followed by ReLU, in the `_bn` variants by batch normalisation and ReLU;
Dropout follows the first two dense layers. The first dense layer has 7×7×512 inputs for a picture of 224×224.
Pictures whose sides are multiples of 224 are averaged down to 7×7, as in torchvision; others are not, so
weights for 224×224 do not fit them.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition (2014),
arXiv:1409.1556, table 1, configurations A, D and E. https://pytorch.org/vision/stable/models/vgg.html
"""

from fovea.layers import AveragePool2D, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool2D, MaxPool2D, ReLU
from fovea.layers.base import Shape
from fovea.models.rows import Model, Rows
from fovea.network.preprocessing import Preprocessing

INPUT = (224, 224, 3)
SIDE, UNITS = 7, 4096  # rows and columns before the dense layers, and their units

# name → filters of the convolutions between two pools
STAGES: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg11": ((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2),
    "vgg16": ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,)),
}


def describe(name: str, input_shape: Shape, outputs: int) -> Rows:
    """The architecture of that name."""
    rows, position = Rows(), 0  # in torchvision, which counts all layers
    norm = name.endswith("_bn")
    for stage in STAGES[name.removesuffix("_bn")]:
        for filters in stage:
            conv = Conv2D(filters, 3, padding=1)
            if norm:
                rows.convolve(conv, torch=(f"features.{position}", f"features.{position + 1}"))
            else:
                rows.add(conv, torch=f"features.{position}")
                rows.add(ReLU())
            position += 3 if norm else 2
        rows.add(MaxPool2D(2))
        position += 1
    height, width = (side // 32 for side in input_shape[:2])  # after five pools
    if height % SIDE == width % SIDE == 0 and (height, width) != (SIDE, SIDE) and height and width:
        rows.add(AveragePool2D((height // SIDE, width // SIDE)))
    rows.add(Flatten())
    for number in (0, 3):
        rows.add(Dense(UNITS), torch=f"classifier.{number}")
        rows.add(ReLU())
        rows.add(Dropout(0.5))
    rows.add(Dense(outputs), torch="classifier.6")
    return rows


def features(name: str, input_shape: Shape, outputs: int | None) -> Rows:
    """VGG-19 to relu5_1, the part that style transfer looks at; with `outputs`, a dense layer on the means of
    its channels."""
    net, place = Rows(), 0
    for block, stage in enumerate(STAGES[name], start=1):
        if block > 1:
            net.add(MaxPool2D(2), name=f"pool{block - 1}")
            place += 1
        for number, filters in enumerate(stage, start=1):
            conv = Conv2D(filters, 3, padding=1)
            net.add(conv, name=f"conv{block}_{number}", torch=f"features.{place}")
            net.add(ReLU(), name=f"relu{block}_{number}")
            place += 2
    if outputs is not None:
        net.add(GlobalAveragePool2D())
        net.add(Dense(outputs), torch="classifier")
    return net


# Caffe's: the means of ImageNet's red, green and blue, and no division.
CAFFE = Preprocessing((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, crop=0.875)

vgg19 = Model("vgg19", features, INPUT, None, CAFFE)
vgg11, vgg11_bn, vgg16, vgg16_bn = (
    Model(name, describe, INPUT, 1000) for name in ("vgg11", "vgg11_bn", "vgg16", "vgg16_bn")
)

"""Every layer of Fovea passes the one check, on every engine that is installed."""

import pytest

from fovea import check_layer, engine
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Add,
    Affine,
    AveragePool2D,
    BatchNorm,
    ChannelPool,
    Channels,
    Clip,
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dense,
    DepthToSpace,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    MaxPool2D,
    Mish,
    Multiply,
    Pad2D,
    PReLU,
    ReLU,
    ReLU6,
    Resize2D,
    Shortcut,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    SpaceToDepth,
    Tanh,
    Tanhshrink,
    ThresholdedReLU,
    Upsample2D,
)
from fovea.layers.base import REGISTRY

ENGINES = ("reference", "halide") if engine.available() else ("reference",)

# class name → layers, each with a small input for differences and one of a real size.
EXAMPLES = {
    "Conv2D": [
        (Conv2D(4, 3, padding="same"), (6, 5, 3), (28, 28, 6)),
        (Conv2D(6, 5, padding=2), (7, 7, 1), (28, 28, 1)),
        (Conv2D(5, (3, 2), (2, 1), (1, 0, 2, 1), bias=False), (7, 6, 2), (17, 23, 17)),
        (Conv2D(4, 3, padding="same", groups=4), (6, 5, 4), (28, 28, 4)),
        (Conv2D(6, 3, 2, 2, dilation=(1, 2), groups=2), (7, 6, 4), (14, 15, 32)),
        (Conv2D(4, 3, padding="same", padding_mode="mirror"), (4, 3, 3), (28, 28, 6)),
        (Conv2D(3, (5, 3), 2, (4, 1, 2, 0), padding_mode="mirror"), (5, 4, 2), (15, 17, 17)),
        (Conv2D(4, 3, 1, 2, groups=4, padding_mode="mirror"), (4, 5, 4), (28, 28, 4)),
    ],
    "BatchNorm": [
        (BatchNorm(), (5, 4, 3), (28, 28, 6)),
        (BatchNorm(0.1, momentum=0.5), (7,), (120,)),
        (BatchNorm(), (1, 2, 17), (8, 7, 128)),
    ],
    "Affine": [(Affine(), (5, 4, 3), (14, 14, 20)), (Affine(bias=False), (7,), (120,))],
    "ConvTranspose2D": [
        (ConvTranspose2D(4, 2, 2), (3, 4, 3), (7, 7, 40)),
        (ConvTranspose2D(6, 3, 2, 1, 1, groups=2, bias=False), (4, 3, 4), (14, 14, 32)),
        (ConvTranspose2D(3, (3, 2), (1, 2), "same", dilation=(2, 1)), (5, 4, 2), (9, 8, 17)),
    ],
    "MaxPool2D": [
        (MaxPool2D(2), (6, 7, 3), (28, 28, 6)),
        (MaxPool2D((3, 2), (2, 1), (1, 2, 0, 1)), (6, 5, 2), (15, 17, 3)),
        (MaxPool2D(3, 2, ceil_mode=True), (6, 5, 2), (14, 14, 20)),
        (MaxPool2D(2, 1, 1, dilation=(2, 1)), (6, 5, 2), (14, 15, 3)),
    ],
    "AveragePool2D": [
        (AveragePool2D(2), (6, 7, 3), (28, 28, 6)),
        (AveragePool2D(3, 2, "same"), (6, 5, 2), (15, 17, 3)),
        (AveragePool2D(3, 2, 1, count_include_pad=True), (6, 5, 2), (15, 17, 3)),
        (AveragePool2D(3, 2, 1, ceil_mode=True, dilation=2, count_include_pad=True), (6, 5, 2), (14, 16, 3)),
    ],
    "GlobalMaxPool2D": [(GlobalMaxPool2D(), (4, 5, 3), (14, 14, 20))],
    "ChannelPool": [
        (ChannelPool("average"), (4, 5, 3), (14, 14, 20)),
        (ChannelPool("max"), (4, 5, 3), (14, 14, 20)),
    ],
    "GlobalAveragePool2D": [(GlobalAveragePool2D(), (4, 5, 3), (7, 7, 40))],
    "Dense": [(Dense(5), (7,), (400,)), (Dense(3, bias=False), (4,), (84,))],
    "ReLU": [(ReLU(), (4, 5, 3), (28, 28, 6)), (ReLU(), (7,), (120,))],
    "Add": [
        (Add(), ((4, 5, 3), (4, 5, 3)), ((28, 28, 6), (28, 28, 6))),
        (Add(), ((7,), (7,), (7,)), ((84,), (84,), (84,))),
        (Add(), ((4, 5, 3), (3,), (4, 5, 1)), ((14, 15, 20), (20,), (14, 15, 1))),
    ],
    "Multiply": [
        (Multiply(), ((4, 5, 3), (4, 5, 3)), ((14, 15, 20), (14, 15, 20))),
        (Multiply(), ((4, 5, 3), (3,)), ((28, 28, 17), (17,))),
        (Multiply(), ((1, 1, 3), (4, 5, 3), (4, 5, 1)), ((1, 1, 20), (14, 15, 20), (14, 15, 1))),
        (Multiply(), ((4, 1, 3), (1, 5, 3)), ((14, 1, 9), (1, 15, 9))),
        (Multiply(), ((7,), (1,)), ((84,), (1,))),
    ],
    "Concat": [
        (Concat(), ((4, 5, 3), (4, 5, 2)), ((13, 13, 64), (13, 13, 17))),
        (Concat(), ((7,), (3,), (1,)), ((84,), (10,), (3,))),
    ],
    "ReLU6": [(ReLU6(), (4, 5, 3), (28, 28, 6))],
    "LeakyReLU": [
        (LeakyReLU(), (4, 5, 3), (28, 28, 6)),
        (LeakyReLU(0.3), (7,), (120,)),
        (LeakyReLU(-2.0), (7,), (120,)),
    ],
    "Clip": [(Clip(-0.5, 0.25), (4, 5, 3), (28, 28, 6))],
    "Sigmoid": [(Sigmoid(), (4, 5, 3), (28, 28, 6)), (Sigmoid(), (7,), (120,))],
    "Tanh": [(Tanh(), (4, 5, 3), (28, 28, 6)), (Tanh(), (7,), (120,))],
    "SiLU": [(SiLU(), (4, 5, 3), (28, 28, 6)), (SiLU(), (7,), (120,))],
    "ELU": [(ELU(), (4, 5, 3), (28, 28, 6)), (ELU(-0.7), (7,), (120,))],
    "CELU": [(CELU(0.6), (4, 5, 3), (28, 28, 6))],
    "SELU": [(SELU(), (4, 5, 3), (28, 28, 6))],
    "HardSigmoid": [(HardSigmoid(), (4, 5, 3), (28, 28, 6)), (HardSigmoid(-2, 0.3), (7,), (120,))],
    "HardSwish": [(HardSwish(), (4, 5, 3), (28, 28, 6))],
    "ThresholdedReLU": [
        (ThresholdedReLU(0.301), (4, 5, 3), (28, 28, 6)),
        (ThresholdedReLU(-0.301), (7,), (120,)),
    ],
    "GELU": [(GELU(), (4, 5, 3), (28, 28, 6)), (GELU("tanh"), (7,), (120,))],
    "Mish": [(Mish(), (4, 5, 3), (28, 28, 6))],
    "Softplus": [(Softplus(), (4, 5, 3), (28, 28, 6)), (Softplus(-3, 1.001), (7,), (120,))],
    "LogSigmoid": [(LogSigmoid(), (4, 5, 3), (28, 28, 6))],
    "Softsign": [(Softsign(), (4, 5, 3), (28, 28, 6))],
    "Tanhshrink": [(Tanhshrink(), (4, 5, 3), (28, 28, 6))],
    "PReLU": [
        (PReLU(), (4, 5, 3), (28, 28, 6)),
        (PReLU(True), (4, 3, 2), (9, 8, 17)),
        (PReLU(), (7,), (120,)),
    ],
    "GroupNorm": [
        (GroupNorm(2), (4, 3, 6), (14, 14, 32)),
        (GroupNorm(3, 0.1), (6,), (120,)),
        (GroupNorm(1), (1, 2, 5), (9, 11, 17)),
    ],
    "InstanceNorm": [(InstanceNorm(), (4, 5, 3), (14, 15, 17)), (InstanceNorm(0.1), (1, 2, 2), (9, 8, 32))],
    "LayerNorm": [
        (LayerNorm(), (3, 2, 5), (14, 14, 32)),
        (LayerNorm(1e-6), (7,), (120,)),
        (LayerNorm(), (2, 2, 4), (7, 9, 19)),
    ],
    **{
        kind.__name__: [
            (kind(), (4, 5, 3), (14, 14, 6)),
            (kind(), (7,), (120,)),
            (kind("height"), (4, 1, 3), (9, 7, 6)),
            (kind("width"), (4, 5, 1), (9, 7, 6)),
            (kind("pixels"), (3, 2, 3), (9, 7, 6)),
            (kind("all"), (3, 2, 2), (9, 7, 6)),
        ]
        for kind in (Softmax, LogSoftmax)
    },
    "Shortcut": [
        (Shortcut(5, 2), (5, 4, 3), (32, 32, 3)),
        (Shortcut(3, (1, 3)), (3, 7, 3), (28, 31, 3)),
    ],
    "Upsample2D": [
        (Upsample2D(2), (3, 4, 2), (14, 14, 6)),
        (Upsample2D(2, "bilinear"), (3, 4, 2), (14, 14, 17)),
        (Upsample2D((3, 1), "bilinear"), (1, 4, 3), (5, 7, 20)),
    ],
    "Pad2D": [
        (Pad2D(1), (3, 4, 2), (14, 15, 20)),
        (Pad2D((1, 0, -1, 2), value=0.5), (3, 4, 2), (14, 15, 20)),
        (Pad2D((2, 1, 1, 3), "mirror"), (3, 4, 2), (14, 15, 20)),
        (Pad2D((2, 5, 1, 3), "nearest"), (3, 4, 2), (14, 15, 20)),
        (Pad2D((4, 1, 0, 5), "wrap"), (3, 4, 2), (14, 15, 20)),
        (Pad2D((4, -1, 0, 5), "reflect"), (3, 4, 2), (14, 15, 20)),
    ],
    "Resize2D": [
        (Resize2D((5, 3)), (3, 4, 2), (14, 15, 20)),
        (Resize2D((5, 3), "bilinear"), (3, 4, 2), (14, 15, 20)),
        (Resize2D((6, 8), "bilinear", align_corners=True), (3, 4, 2), (14, 15, 20)),
        (Resize2D(1, "bilinear", align_corners=True), (3, 4, 2), (14, 15, 20)),
    ],
    "SpaceToDepth": [
        (SpaceToDepth(2), (4, 6, 3), (14, 16, 5)),
        (SpaceToDepth(3, "CRD"), (3, 6, 2), (12, 15, 17)),
    ],
    "DepthToSpace": [
        (DepthToSpace(2), (2, 3, 12), (14, 16, 68)),
        (DepthToSpace(3, "CRD"), (1, 2, 18), (12, 15, 36)),
    ],
    "Channels": [
        (Channels((2, 0, 1)), (4, 3, 3), (14, 14, 20)),
        (Channels([4, 1]), (4, 3, 5), (14, 14, 20)),
    ],
    "Flatten": [(Flatten(), (3, 4, 2), (5, 5, 16))],
    "Dropout": [(Dropout(0.4), (3, 4, 2), (28, 28, 6)), (Dropout(0.0), (7,), (84,))],
}


def test_no_layer_is_forgotten():
    own = {name for name, layer in REGISTRY.items() if layer.__module__.startswith("fovea.")}
    assert own == set(EXAMPLES)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("layer", "input_shape", "real_shape"),
    [
        pytest.param(*example, id=f"{name}{place}")
        for name, examples in EXAMPLES.items()
        for place, example in enumerate(examples)
    ],
)
def test_it_passes_the_check(layer, input_shape, real_shape, name):
    check_layer(layer, input_shape, real_shape=real_shape, engines=(name,))

"""Layers, each with its forward and backward pass side by side."""

from fovea.layers.activation import Clip, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU, Tanh
from fovea.layers.affine import Affine
from fovea.layers.base import Layer
from fovea.layers.conv import Conv2D
from fovea.layers.conv_transpose import ConvTranspose2D
from fovea.layers.dense import Dense
from fovea.layers.dropout import Dropout
from fovea.layers.grouped import GroupNorm, InstanceNorm, LayerNorm
from fovea.layers.merge import Add, Concat, Multiply
from fovea.layers.normalization import BatchNorm
from fovea.layers.pool import AveragePool2D, ChannelPool, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from fovea.layers.prelu import PReLU
from fovea.layers.rearrange import Channels, DepthToSpace, SpaceToDepth
from fovea.layers.sample import Pad2D, Resize2D
from fovea.layers.shape import Flatten
from fovea.layers.shortcut import Shortcut
from fovea.layers.softmax import LogSoftmax, Softmax
from fovea.layers.units import (
    CELU,
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    HardSwish,
    LogSigmoid,
    Mish,
    Softplus,
    Softsign,
    Tanhshrink,
    ThresholdedReLU,
)
from fovea.layers.upsample import Upsample2D

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Add",
    "Affine",
    "AveragePool2D",
    "BatchNorm",
    "ChannelPool",
    "Channels",
    "Clip",
    "Concat",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "DepthToSpace",
    "Dropout",
    "Flatten",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPool2D",
    "Mish",
    "Multiply",
    "PReLU",
    "Pad2D",
    "ReLU",
    "ReLU6",
    "Resize2D",
    "Shortcut",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Tanh",
    "Tanhshrink",
    "ThresholdedReLU",
    "Upsample2D",
]

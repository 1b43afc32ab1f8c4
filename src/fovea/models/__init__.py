"""Built-in architectures, by their names on the command line.

Each is a function `(input_shape, classes, seed) -> Network`, untrained; `classes` is their number, or their
names. `build` gives them their trained weights, too.
"""

from fovea.models.build import build
from fovea.models.course import course39
from fovea.models.efficientnet import efficientnet_lite0
from fovea.models.files import adapted, load, save_torch
from fovea.models.lenet import lenet5
from fovea.models.mobilenet import mobilenet_v2
from fovea.models.quick import quicknet
from fovea.models.registry import DESCRIBED, MODELS
from fovea.models.resnet import resnet18, resnet20, resnet32, resnet34, resnet50, resnet56
from fovea.models.rows import Model
from fovea.models.squeezenet import squeezenet1_1
from fovea.models.vgg import vgg11, vgg11_bn, vgg16, vgg16_bn, vgg19

__all__ = [
    "DESCRIBED",
    "MODELS",
    "Model",
    "adapted",
    "build",
    "course39",
    "efficientnet_lite0",
    "lenet5",
    "load",
    "mobilenet_v2",
    "quicknet",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet50",
    "resnet56",
    "save_torch",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
]

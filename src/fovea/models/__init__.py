"""Built-in architectures, by the names that the command line takes.

Each is a function `(input_shape, classes, seed) -> Network`, untrained; `classes` is their number, or their
names.
"""

from collections.abc import Sequence

from fovea.errors import FoveaError, mismatch
from fovea.models.course import course39
from fovea.models.files import adapted, load, save_torch
from fovea.models.lenet import lenet5
from fovea.models.mobilenet import mobilenet_v2
from fovea.models.quick import quicknet
from fovea.models.registry import MODELS
from fovea.models.resnet import resnet18, resnet20, resnet32, resnet34, resnet50, resnet56
from fovea.models.rows import Model
from fovea.models.squeezenet import squeezenet1_1
from fovea.models.vgg import vgg11, vgg11_bn, vgg16, vgg16_bn
from fovea.network import Network

__all__ = [
    "MODELS",
    "Model",
    "adapted",
    "build",
    "course39",
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
]


def build(
    name: str,
    input_shape: Sequence[int] | None = None,
    classes: int | Sequence[str] | None = None,
    seed: int | None = 0,
) -> Network:
    """The built-in network of that name; where no shape or classes are given, those that it was made for."""
    if name not in MODELS:
        raise FoveaError(mismatch("model", f"one of {', '.join(MODELS)}", repr(name)))
    given = {"input_shape": input_shape, "classes": classes}
    return MODELS[name](**{key: value for key, value in given.items() if value is not None}, seed=seed)

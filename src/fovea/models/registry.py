"""The built-in architectures by name."""

from collections.abc import Callable

from fovea.models.course import course39
from fovea.models.efficientnet import efficientnet_lite0
from fovea.models.lenet import lenet5
from fovea.models.mobilenet import mobilenet_v2
from fovea.models.quick import quicknet
from fovea.models.resnet import resnet18, resnet20, resnet32, resnet34, resnet50, resnet56
from fovea.models.rows import Model
from fovea.models.spot import spot_lite0, spot_medium, spot_small
from fovea.models.squeezenet import squeezenet1_1
from fovea.models.vgg import vgg11, vgg11_bn, vgg16, vgg16_bn, vgg19
from fovea.network import Network

DESCRIBED: tuple[Model, ...] = (
    *(resnet20, resnet32, resnet56, resnet18, resnet34, resnet50),
    *(vgg11, vgg11_bn, vgg16, vgg16_bn, vgg19, squeezenet1_1, mobilenet_v2),
    efficientnet_lite0,
    *(spot_small, spot_medium, spot_lite0),
)
MODELS: dict[str, Callable[..., Network]] = {
    "lenet5": lenet5,
    "course39": course39,
    "quicknet": quicknet,
    **{model.name: model for model in DESCRIBED},
}

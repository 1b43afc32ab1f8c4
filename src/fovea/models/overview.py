"""The built-in architectures, with their size and cost, and whether their trained weights are here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fovea import weights
from fovea.models.registry import MODELS
from fovea.names import aligned
from fovea.network.summary import rows
from fovea.weights.download import DOWNLOADS

# Accuracy on ImageNet's validation set, one centre crop, as published for the weights that `load` reads:
# https://pytorch.org/vision/stable/models (the first weights of each); for the two in the package
# https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite and
# https://github.com/forresti/SqueezeNet
TOP1 = {
    **{name: one.top1 for name, one in DOWNLOADS.items()},
    **{"vgg11": 0.69020, "vgg11_bn": 0.70370, "vgg16_bn": 0.73360},
    **{"squeezenet1_1": 0.575, "efficientnet_lite0": 0.751},
}

_HEADERS = "name", "input", "parameters", "multiply-adds", "weights", "top-1", "licence"


@dataclass(frozen=True)
class Overview:
    """One architecture, for the pictures and classes that it was made for.

    multiply_adds: of one picture. weights: whether trained ones are here, in the package or fetched. top1:
    their accuracy on ImageNet as published, from 0 to 1, whether they are here or not. licence: of the
    weights that are here. features_to: the last layer of a network that ends in features, such as that for
    style transfer; None for one that ends in classes or boxes.
    """

    name: str
    input_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    weights: bool
    top1: float | None
    licence: str | None
    features_to: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"input_shape": list(self.input_shape)}


def overview() -> list[Overview]:
    """All built-in architectures, the smallest first."""
    found = []
    for name, model in MODELS.items():
        network, here = model(seed=None), weights.are_here(name)
        licence = None
        if here:
            packaged = name in weights.packaged()
            licence = weights.metadata(name)["licence"] if packaged else DOWNLOADS[name].licence
        cost = sum(row.multiply_adds for row in rows(network))
        shape, count = network.input_shape, network.parameter_count
        ends = network.ends_in_classes or network.outputs
        features_to = None if ends else network.layers[-1].name
        found.append(Overview(name, shape, count, cost, here, TOP1.get(name), licence, features_to))
    return sorted(found, key=lambda one: one.parameters)


def text(models: Sequence[Overview]) -> str:
    """A table."""
    return aligned([_HEADERS, *map(_cells, models)], right=(2, 3, 5))


def _cells(model: Overview) -> tuple[str, ...]:
    shape = "×".join(map(str, model.input_shape))
    top1 = "" if model.top1 is None else f"{model.top1:.1%}"
    here = "here" if model.weights else "to fetch" if model.name in DOWNLOADS else ""
    if model.weights and model.features_to:
        here = f"features to {model.features_to}"
    count, cost = f"{model.parameters:,}", f"{model.multiply_adds / 1e6:,.1f} M"
    return model.name, shape, count, cost, here, top1, model.licence or ""

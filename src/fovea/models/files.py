"""Networks out of files, whoever wrote them; and the same network for other classes."""

from collections.abc import Sequence
from pathlib import Path

from fovea.errors import DataError, FoveaError, ShapeError, mismatch
from fovea.files.pytorch import is_torch, read_torch
from fovea.files.tensors import read_tensors
from fovea.models import torchvision
from fovea.models.registry import DESCRIBED
from fovea.models.rows import Model
from fovea.network import Network, checkpoint

WITH_NAMES = [model for model in DESCRIBED if model.torch]  # those that torchvision has, too


def load(path: Path | str, *, model: str | None = None, input_shape: Sequence[int] | None = None) -> Network:
    """The network in the file at `path`: a model file of Fovea's, or weights in torchvision's names, as
    safetensors or as PyTorch saves them (.pth, .pt); its content decides which.

    Of weights, `model` is the architecture; by default it is recognised by the tensors' names. It takes
    pictures of `input_shape`, by default what the architecture was made for, and has as many classes as the
    weights. Raises DataError for a file that is neither, and for tensors that do not fit, each by name.
    """
    path = Path(path)
    metadata, tensors = ({}, read_torch(path)) if is_torch(path) else read_tensors(path)
    if "fovea_format" in metadata:
        if model is not None or input_shape is not None:
            got = "a model or an input_shape for a model file of Fovea, which has its own"
            raise DataError(mismatch(str(path), "weights in torchvision's names", got))
        return checkpoint.restore(path, metadata, tensors)
    found = torchvision.recognised(WITH_NAMES, tensors)
    known = found if model is None else _named(model)
    if found and known and found is not known:
        raise DataError(mismatch(str(path), f"weights of {known.name}", f"weights of {found.name}"))
    if known is None:
        remedy = "say which model it is, and the tensors that do not fit are named"
        expected = f"a model file of Fovea (with fovea_format), or weights of torchvision's {_all()}"
        raise DataError(mismatch(str(path), expected, f"{len(tensors)} tensors of neither", remedy))
    try:
        return torchvision.read(str(path), tensors, known, input_shape)
    except ShapeError as error:
        raise DataError(f"{path}: {error}") from error


def save_torch(network: Network, path: Path | str) -> None:
    """Write the weights to a safetensors file in torchvision's names and layouts. Raises DataError where
    torchvision has no such model."""
    model = torchvision.described(WITH_NAMES, network)
    if model is None:
        expected = f"a network that torchvision has, too ({_all()})"
        raise DataError(mismatch("export --format torch", expected, "another architecture"))
    torchvision.write(network, model, path)


def adapted(network: Network, classes: Sequence[str], seed: int = 0) -> Network:
    """The same network for `classes`, with what it has learned, but for the last layer with weights, which
    begins anew from `seed`. Raises ShapeError where that layer does not give the classes."""
    number = max((n for n, layer in enumerate(network.layers) if layer.parameters), default=None)
    description = network.architecture()
    size = None
    if number is not None and network.ends_in_classes:
        chosen = description["layers"][number]["hyperparameters"]
        size = next((name for name in ("units", "filters") if name in chosen), None)
        if size is not None and chosen[size] == network.output_shape[0]:
            chosen[size] = len(classes)
        else:
            size = None
    if size is None or number is None:
        remedy = "only a network that ends in Dense or Conv2D can get other classes"
        got = f"outputs {', '.join(network.outputs)}" if network.outputs else network.layers[-1].who
        raise ShapeError(mismatch("Network", "a last layer with an output a class", got, remedy))
    found = Network.from_architecture(description, seed=seed)
    last = network.layers[number].name
    for old, new in ((network.parameters, found.parameters), (network.statistics, found.statistics)):
        for name, values in old.items():
            if name.partition(".")[0] != last:
                new[name][...] = values
    found.preprocessing, found.classes = network.preprocessing, list(classes)
    return found


def _named(name: str) -> Model:
    known = next((model for model in WITH_NAMES if model.name == name), None)
    if known is None:
        raise FoveaError(mismatch("model", f"one that torchvision has, too ({_all()})", repr(name)))
    return known


def _all() -> str:
    return ", ".join(model.name for model in WITH_NAMES)

"""Networks from Fovea's and torchvision's files, and a network adapted to other classes."""

from collections.abc import Sequence
from pathlib import Path

from fovea.errors import DataError, FoveaError, ShapeError, mismatch
from fovea.files.pytorch import is_torch, read_torch
from fovea.files.tensors import read_tensors
from fovea.models import torchvision
from fovea.models.registry import DESCRIBED
from fovea.models.rows import Model
from fovea.names import counted
from fovea.network import Network, checkpoint

WITH_NAMES = [model for model in DESCRIBED if model.torch]  # those that torchvision also has


def load(path: Path | str, *, model: str | None = None, input_shape: Sequence[int] | None = None) -> Network:
    """The network in the file at `path`: Fovea's model file, or weights with torchvision's names, as
    safetensors or in PyTorch's format (.pth, .pt), recognised by its content.

    For weights, `model` is the architecture, by default recognised by the tensors' names; `input_shape`
    defaults to the original's, and the weights determine the number of classes. Raises DataError for a file
    that is neither, and for tensors that do not fit, each by name.
    """
    path = Path(path)
    metadata, tensors = ({}, read_torch(path)) if is_torch(path) else read_tensors(path)
    if "fovea_format" in metadata:
        if model is not None:
            got = "a model file of Fovea, which has its own architecture"
            raise DataError(mismatch(str(path), f"weights of {model}", got, "leave out the model"))
        network = checkpoint.restore(path, metadata, tensors)
        if input_shape is not None and tuple(input_shape) != network.input_shape:
            expected, got = ("×".join(map(str, shape)) for shape in (network.input_shape, input_shape))
            raise DataError(
                mismatch(f"{path}: pictures", f"its own size, {expected}", got, "leave out the size")
            )
        return network
    found = torchvision.recognised(WITH_NAMES, tensors)
    known = found if model is None else _named(model)
    if found and known and found is not known:
        raise DataError(mismatch(str(path), f"weights of {known.name}", f"weights of {found.name}"))
    if known is None:
        remedy = "name the model, and the error lists the tensors that do not fit"
        expected = f"a model file of Fovea (with fovea_format), or weights of torchvision's {_all()}"
        raise DataError(
            mismatch(str(path), expected, f"{counted(len(tensors), 'tensor')} of neither", remedy)
        )
    try:
        return torchvision.read(str(path), tensors, known, input_shape)
    except ShapeError as error:
        raise DataError(f"{path}: {error}") from error


def save_torch(network: Network, path: Path | str) -> None:
    """Write the weights to a safetensors file with torchvision's names and layouts. Raises DataError if
    torchvision has no such model."""
    model = torchvision.described(WITH_NAMES, network)
    if model is None:
        expected = f"a network that torchvision also has ({_all()})"
        raise DataError(mismatch("export --format torch", expected, "another architecture"))
    torchvision.write(network, model, path)


def adapted(network: Network, classes: Sequence[str], seed: int = 0) -> Network:
    """`network` with the outputs for `classes` and the same weights, except that the last layer with weights
    is reinitialised with `seed`. Raises ShapeError if that layer does not compute the classes."""
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
        raise ShapeError(mismatch("Network", "a last layer with one output per class", got, remedy))
    changed = Network.from_architecture(description, seed=seed)
    last = network.layers[number].name
    for old, new in ((network.parameters, changed.parameters), (network.statistics, changed.statistics)):
        for name, values in old.items():
            if name.partition(".")[0] != last:
                new[name][...] = values
    changed.preprocessing, changed.classes = network.preprocessing, list(classes)
    return changed


def _named(name: str) -> Model:
    known = next((model for model in WITH_NAMES if model.name == name), None)
    if known is None:
        raise FoveaError(mismatch("model", f"one that torchvision also has ({_all()})", repr(name)))
    return known


def _all() -> str:
    return ", ".join(model.name for model in WITH_NAMES)

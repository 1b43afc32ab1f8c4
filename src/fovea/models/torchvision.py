"""Weights with torchvision's names and layouts: reading and writing.

    Conv2D     weight (C_out, C_in, f_H, f_W)   →  W (f_H, f_W, C_in, C_out)
    Dense      weight (n_out, C·H·W)            →  W (H·W·C, n_out), if it follows Flatten of (H, W, C)
    BatchNorm  weight, bias, running_mean, running_var  →  gamma, beta, mean, variance

Each model defines its modules' names (`Model.torch`) and its preprocessing (`Model.preprocessing`).
`num_batches_tracked` is ignored: nothing here depends on it.
"""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from fovea.errors import DataError, mismatch
from fovea.files.tensors import write_tensors
from fovea.layers import BatchNorm, Conv2D, Dense, Flatten, Layer
from fovea.layers.base import Shape
from fovea.models.rows import Model
from fovea.network import Network, architecture
from fovea.network.graph import Graph

IGNORED = ".num_batches_tracked"
NAMES: dict[type[Layer], dict[str, str]] = {
    Conv2D: {"W": "weight", "b": "bias"},
    Dense: {"W": "weight", "b": "bias"},
    BatchNorm: {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"},
}
_LISTED = 24  # tensors that an error names; the others it counts


def names_of(model: Model) -> dict[str, str]:
    """The name of each tensor of the model, "conv1.W" → its name in torchvision."""
    table = model.torch
    layers = {n.name: n.layer for n in model.describe(model.name, model.input_shape, model.classes).nodes}
    return {
        f"{name}.{ours}": f"{module}.{theirs}"
        for name, module in table.items()
        for ours, theirs in NAMES[type(layers[name])].items()
        if ours != "b" or getattr(layers[name], "bias", True)
    }


def recognised(models: Sequence[Model], tensors: Mapping[str, object]) -> Model | None:
    """The model whose tensors have exactly these names; None if there is none."""
    given = {name for name in tensors if not name.endswith(IGNORED)}
    return next((model for model in models if given == set(names_of(model).values())), None)


def described(models: Sequence[Model], network: Network) -> Model | None:
    """The model with the layers of `network`, for its input shape and number of classes; None if there is
    none."""
    layers = network.architecture()["layers"]
    for model in models:
        nodes = model.describe(model.name, network.input_shape, network.shapes[-1][-1]).nodes
        if len(nodes) == len(layers):
            graph = Graph.of(nodes)
            if architecture.to_json(graph.nodes(), network.input_shape)["layers"] == layers:
                return model
    return None


def read(
    who: str, tensors: Mapping[str, np.ndarray], model: Model, input_shape: Sequence[int] | None = None
) -> Network:
    """The network of `model` with these tensors, which determine the number of classes, for pictures of
    `input_shape`, by default the original's. Raises DataError, in the name of `who`, which names every tensor
    that is missing, additional or of a wrong shape."""
    names, table = names_of(model), list(model.torch.values())
    first, last = (tensors.get(f"{module}.weight") for module in (table[0], table[-1]))
    shape = model.input_shape
    if first is not None and first.ndim == 4:
        shape = (*shape[:2], first.shape[1])  # the weights may be for grey pictures
    outputs = model.classes or 1 if last is None or not last.ndim else len(last)
    network = model(shape if input_shape is None else input_shape, max(outputs, 1), seed=None)
    known = set(names.values())
    faults = [f"{t} as well" for t in tensors if t not in known and not t.endswith(IGNORED)]
    for views in (network.parameters, network.statistics):
        for name, view in views.items():
            tensor, theirs = tensors.get(names[name]), names[name]
            expected = view.transpose(3, 2, 0, 1).shape if view.ndim == 4 else view.shape[::-1]
            if tensor is None:
                faults.append(f"no {theirs}")
            elif tensor.shape != expected or tensor.dtype.kind != "f":
                faults.append(f"{theirs} {tensor.dtype} {tensor.shape} for {expected}")
            elif not np.isfinite(tensor).all():
                faults.append(f"{theirs} with NaN or infinity")
            elif not faults:
                view[...] = _ours(tensor, _flattened(network, name)).reshape(view.shape)
    if faults:
        listed = "; ".join(faults[:_LISTED])
        more = f"; and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
        expected = f"the tensors of torchvision's {model.name} for pictures of {network.input_shape}"
        raise DataError(mismatch(who, expected, listed + more))
    if network.input_shape[-1] == len(model.preprocessing.mean):
        network.preprocessing = model.preprocessing
    return network


def write(network: Network, model: Model, path: Path | str) -> None:
    """Write the weights of `network`, which has the architecture of `model`, for `read` and PyTorch's
    `load_state_dict`. Raises DataError if that fails."""
    tensors = {
        theirs: np.ascontiguousarray(
            _theirs(views[name], _flattened(network, name)) if views[name].ndim > 1 else views[name]
        )
        for name, theirs in names_of(model).items()
        for views in (network.parameters, network.statistics)
        if name in views
    }
    write_tensors(path, tensors, {"format": "pt"})


def _flattened(network: Network, name: str) -> Shape | None:
    """The shape (H, W, C) before the Flatten that feeds the layer of this parameter; None without a
    Flatten."""
    number = next(n for n, layer in enumerate(network.layers) if layer.name == name.partition(".")[0])
    (source, *_) = network.sources[number]
    return network.input_shapes[source] if source >= 0 and type(network.layers[source]) is Flatten else None


def _ours(tensor: np.ndarray, flattened: Shape | None) -> np.ndarray:
    """Weights from torchvision's order to Fovea's."""
    if tensor.ndim == 4:
        return tensor.transpose(2, 3, 1, 0)
    if tensor.ndim == 2 and flattened is not None:
        H, W, C = flattened
        return tensor.reshape(-1, C, H, W).transpose(2, 3, 1, 0).reshape(prod(flattened), -1)
    return tensor.T


def _theirs(W: np.ndarray, flattened: Shape | None) -> np.ndarray:
    """Weights from Fovea's order to torchvision's: the inverse of `_ours`."""
    if W.ndim == 4:
        return W.transpose(3, 2, 0, 1)
    if flattened is not None:
        return W.reshape(*flattened, -1).transpose(3, 2, 0, 1).reshape(-1, prod(flattened))
    return W.T

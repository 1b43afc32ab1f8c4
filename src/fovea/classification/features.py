"""Features of pictures: the output of a network's layers below the last one, kept in the cache.

A trained body sees each picture once, and its mirror image once; a linear layer learns from these features in
a second (`linear`). They are kept under a digest of all that they depend on: the pictures' contents and
labels, the body's layers and weights, and the kernels of the engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fovea import engine
from fovea.data import Dataset
from fovea.data.batches import batches
from fovea.data.digests import digests
from fovea.errors import FoveaError, ShapeError, mismatch
from fovea.files import caching, jsons
from fovea.files.tensors import checksum, read_tensors, write_tensors
from fovea.layers import Dense, Dropout
from fovea.network import Network, runner
from fovea.network.soundness import check_logits

PART = "features"  # of the cache
_FORMAT = 1

Shapes = dict[str, tuple[tuple[int, ...], type]]


@dataclass(frozen=True)
class Features:
    """float32 (n, D) of the pictures, and of their mirror images, left and right swapped, or None; the labels
    int32 (n,) are −1 for pictures that cannot be read."""

    pictures: np.ndarray
    mirrored: np.ndarray | None
    labels: np.ndarray

    def readable(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels of the pictures that can be read."""
        known = self.labels >= 0
        return self.pictures[known], self.labels[known]

    def both(self) -> tuple[np.ndarray, np.ndarray]:
        """The same, followed by their mirror images."""
        known = self.labels >= 0
        sides = [self.pictures] if self.mirrored is None else [self.pictures, self.mirrored]
        return np.concatenate([side[known] for side in sides]), np.tile(self.labels[known], len(sides))


def has_body(network: Network) -> bool:
    """True if the network ends in one Dense layer, so that `body_of` can take it off."""
    return not network.outputs and isinstance(network.layers[-1], Dense)


def body_of(network: Network) -> Network:
    """The network below its last layer, with a copy of its weights. Raises ShapeError unless it ends in
    Dense."""
    if not has_body(network):
        raise ShapeError(mismatch("features", "a network that ends in Dense", network.layers[-1].who))
    description = network.architecture()
    end = network.sources[-1][0]
    while isinstance(network.layers[end], Dropout):
        end = network.sources[end][0]
    description["layers"] = description["layers"][: end + 1]
    body = Network.from_architecture(description, seed=None)
    for mine, theirs in ((body.parameters, network.parameters), (body.statistics, network.statistics)):
        for name, view in mine.items():
            view[...] = theirs[name]
    body.preprocessing = network.preprocessing
    return body


def features(
    body: Network,
    dataset: Dataset,
    batch_size: int,
    *,
    mirrored: bool = False,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Features:
    """The features that `body` computes of all pictures, from the cache if they are there.

    `progress(done, total)` counts pictures. Raises DataError for features that are not finite.
    """
    name = f"{_key(body, dataset, mirrored)}.safetensors"
    arrays = _read(name, _shapes(body, dataset, mirrored))
    if arrays is None:
        arrays = _compute(body, dataset, batch_size, mirrored, progress)
        files = [dataset.name_of(i) for i in range(len(dataset))]
        check_logits(body, arrays["pictures"], files, lambda i: dataset.read([i])[0][0])
        caching.keep(PART, lambda folder: _write(folder / name, arrays))
    else:
        dataset.read(np.flatnonzero(arrays["labels"] < 0))  # so that they are known as bad here, too
    return Features(arrays["pictures"], arrays.get("mirrored"), arrays["labels"])


def _compute(
    body: Network,
    dataset: Dataset,
    batch_size: int,
    mirrored: bool,
    progress: Callable[[int, int], object],
) -> dict[str, np.ndarray]:
    shapes = _shapes(body, dataset, mirrored)
    arrays = {name: np.empty(shape, kind) for name, (shape, kind) in shapes.items()}
    plan, done = runner.plan(body, batch_size), 0
    for images, labels in batches(dataset, batch_size, shuffle=False):
        rows = slice(done, done + len(images))
        arrays["pictures"][rows] = plan.predict(images)
        if mirrored:
            arrays["mirrored"][rows] = plan.predict(np.ascontiguousarray(images[:, :, ::-1]))
        arrays["labels"][rows] = labels
        done = rows.stop
        progress(done, len(dataset))
    return arrays


def _shapes(body: Network, dataset: Dataset, mirrored: bool) -> Shapes:
    """The shape and type of each array."""
    n, (D,) = len(dataset), body.output_shape
    sides = ("pictures", "mirrored") if mirrored else ("pictures",)
    return {**dict.fromkeys(sides, ((n, D), np.float32)), "labels": ((n,), np.int32)}


def _key(body: Network, dataset: Dataset, mirrored: bool) -> str:
    """A digest of all that the features depend on."""
    settings = {
        "format": _FORMAT, "architecture": body.architecture(), "precision": body.precision,
        "weights": checksum({**body.parameters, **body.statistics}, {}),
        "preprocessing": body.preprocessing.to_dict(), "kernels": _kernels(), "mirrored": mirrored,
        "pictures": digests(dataset), "labels": dataset.labels.tolist(),
    }  # fmt: skip
    return blake2b(jsons.dumps(settings).encode(), digest_size=16).hexdigest()


def _kernels() -> str:
    """The engine and its kind of kernels: others may round otherwise."""
    if engine.current() == "reference":
        return "reference"
    from fovea.kernels import targets

    return targets.current().name


def _read(name: str, shapes: Shapes) -> dict[str, np.ndarray] | None:
    """The arrays of these shapes that the cache has under `name`; None if it has none, or damaged ones."""
    for path in caching.paths(PART, name):
        try:
            metadata, arrays = read_tensors(path)
        except FoveaError:
            continue
        whole = {key: (array.shape, array.dtype.type) for key, array in arrays.items()} == shapes
        if whole and metadata.get("checksum") == checksum(arrays, {}):
            return arrays
    return None


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raises OSError if the file cannot be written."""
    try:
        write_tensors(path, arrays, {"checksum": checksum(arrays, {})}, synced=False)
    except FoveaError as error:
        raise OSError(str(error)) from error

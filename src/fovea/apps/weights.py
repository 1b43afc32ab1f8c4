"""Trained weights: those in the package, and those of torchvision that can be fetched."""

from collections.abc import Callable
from pathlib import Path

from fovea import models, weights
from fovea.files import jsons
from fovea.names import aligned
from fovea.weights import download

_HEADERS = "name", "parameters", "download", "licence", "where", "address"
_SECOND = (
    "{0}: the name means the weights in the package; torchvision's, once fetched, are used by their path"
)
_OF_IMAGENET = "squeezenet1_1"  # the weights in the package that have the names of ImageNet's classes


def listed() -> str:
    """A table of all trained weights, and a line on each name that is in it twice; nothing is downloaded."""
    rows = []
    for name in weights.packaged():
        metadata, (count, use) = weights.metadata(name), _size_and_use(name)
        where = f"in the package{use}"
        rows.append((name, f"{count:,}", "", metadata["licence"], where, metadata["source"]))
    for name, one in download.DOWNLOADS.items():
        path = download.cached(name)
        size = f"{one.size * 2**20 / 1e6:,.1f} MB"
        where = "in the cache" if path else f"fovea weights get {name}"
        rows.append((name, f"{one.parameters:,}", size, one.licence, where, download.url_of(name)))
    table = aligned([_HEADERS, *rows], right=(1, 2))
    twice = [name for name in weights.packaged() if name in download.DOWNLOADS]
    return "\n".join([table, *map(_SECOND.format, twice)])


def _size_and_use(name: str) -> tuple[int, str]:
    """The number of parameters of the packaged weights `name`, and their use if it is not to name classes."""
    if name not in models.MODELS:
        return sum(array.size for array in weights.load(name)[1].values()), ", for fovea paint"
    network = models.build(name, weights=None, seed=None)
    use = "" if network.ends_in_classes else f", features to {network.layers[-1].name}"
    return network.parameter_count, use


def get(
    name: str, *, force: bool = False, progress: Callable[[int, int], object] = lambda done, total: None
) -> tuple[Path, bool]:
    """The model file of torchvision's weights `name` in the cache, and whether it is new. Raises FoveaError,
    as `fovea.weights.download.fetch` does."""
    path = None if force else download.cached(name)
    return (path, False) if path else (download.fetch(name, _convert(name), progress), True)


def _convert(name: str) -> Callable[[Path, Path], None]:
    """A function that makes a model file of PyTorch's file, with the names of ImageNet's classes."""

    def convert(file: Path, path: Path) -> None:
        network = models.load(file, model=name)
        classes = jsons.loads(weights.metadata(_OF_IMAGENET)["classes"], _OF_IMAGENET)
        if len(classes) == network.output_shape[0]:
            network.classes = classes
        network.save(path)

    return convert

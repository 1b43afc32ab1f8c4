"""A built-in network by its name, with trained weights where there are some."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fovea import weights as packed
from fovea.errors import FoveaError, ShapeError, mismatch
from fovea.files import jsons
from fovea.models.files import load
from fovea.models.registry import MODELS
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing
from fovea.weights.download import cached

DEFAULT = "default"


def build(
    name: str,
    input_shape: Sequence[int] | None = None,
    classes: int | Sequence[str] | None = None,
    seed: int | None = 0,
    weights: str | Path | None = DEFAULT,
) -> Network:
    """The built-in network `name`, for pictures of `input_shape` = (H, W, C) and `classes`, their number or
    names; by default those that it was made for.

    `weights` are trained ones: "default", those in the package or fetched by `fovea weights get`, if there
    are some; a file, as `load` reads it; or None. All else is drawn from `seed`: without weights every layer;
    with them, and for other classes than theirs, the last. Raises FoveaError for an unknown name or shapes
    that do not fit.
    """
    if name not in MODELS:
        raise FoveaError(mismatch("model", f"one of {', '.join(MODELS)}", repr(name)))
    if weights == DEFAULT and name not in packed.packaged():
        weights = cached(name)
    if weights is None:
        given = {"input_shape": input_shape, "classes": classes}
        return MODELS[name](**{key: value for key, value in given.items() if value is not None}, seed=seed)
    if weights == DEFAULT:
        who, (metadata, arrays) = f"the weights of {name}", packed.load(name)
        preprocessing = Preprocessing.from_dict(jsons.loads(metadata["preprocessing"], who))
        names = jsons.loads(metadata["classes"], who)
    else:
        who, source = str(weights), load(weights)
        arrays, names = {**source.parameters, **source.statistics}, source.classes
        preprocessing = source.preprocessing
    same = classes in (None, len(names or ())) or classes == names
    given = {"input_shape": input_shape, "classes": names if same and names else classes}
    network = MODELS[name](**{key: value for key, value in given.items() if value is not None}, seed=None)
    last = "" if same else next(layer.name for layer in reversed(network.layers) if layer.parameters)
    _fill(network, {key: array for key, array in arrays.items() if key.partition(".")[0] != last}, last, who)
    if last and seed is not None:
        network.initialise(seed, {last})
    network.preprocessing = preprocessing
    return network


def _fill(network: Network, arrays: Mapping[str, np.ndarray], last: str, who: str) -> None:
    """Give a network the `arrays` of `who`, by name, all but those of the layer `last`. Raises ShapeError
    where one is missing, of another shape, or of no layer."""
    views = {**network.parameters, **network.statistics}
    views = {name: view for name, view in views.items() if name.partition(".")[0] != last}
    for name in {**views, **arrays}:
        view, array = views.get(name), arrays.get(name)
        if view is None or array is None or view.shape != array.shape:
            expected, got = ("no such array" if a is None else a.shape for a in (view, array))
            remedy = "the weights are of another architecture or for pictures of another size"
            raise ShapeError(mismatch(f"{who}: {name}", expected, got, remedy))
        view[...] = array

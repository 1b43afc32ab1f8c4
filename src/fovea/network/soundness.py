"""Checks for NaN and infinity in a network's weights and outputs; the errors name the layer they come
from."""

from collections.abc import Callable, Sequence

import numpy as np

from fovea import engine
from fovea.errors import DataError, mismatch
from fovea.network import Network

_REMEDY = "its weights are damaged or too large, train it again"


def check_weights(network: Network, who: str) -> None:
    """Raise DataError, in the name of `who`, if a parameter or a statistic is not finite."""
    for layer in network.layers:
        for name, array in {**layer.parameters, **layer.statistics}.items():
            if not np.isfinite(array).all():
                expected = f"finite numbers in {name}"
                raise DataError(mismatch(f"{who}: {layer.who}", expected, _first(array), _REMEDY))


def check_picture(network: Network, picture: np.ndarray, who: str) -> None:
    """Raise DataError, in the name of `who`, if a layer's output for `picture` (H, W, C), uint8 or float, is
    not finite."""
    check_batch(network, picture[np.newaxis], who)


def check_random_picture(network: Network, who: str) -> None:
    """`check_picture` with random pixels: weights may be finite, and yet too large to compute with."""
    check_picture(network, np.random.default_rng(0).integers(0, 256, network.input_shape, np.uint8), who)


def check_batch(
    network: Network,
    X: np.ndarray,
    who: str,
    training: bool = False,
    rng: np.random.Generator | None = None,
) -> None:
    """`check_picture` for pictures X (N, H, W, C), as in prediction or, with `training`, as in training.

    Runs on the reference engine, which has nothing to compile for a single pass.
    """
    X = network.preprocessing.apply(X) if X.dtype == np.uint8 else X
    with engine.use("reference"), np.errstate(all="ignore"):
        for layer, A, _ in network.forward_steps(X, training, rng):
            check_numbers(A, f"{who}: {layer.who}")


def check_numbers(array: np.ndarray, who: str) -> None:
    """Raise DataError, in the name of `who`, if a value of `array`, computed with its weights, is not
    finite."""
    if not np.isfinite(array).all():
        raise DataError(mismatch(who, "finite numbers", _first(array), _REMEDY))


def check_logits(
    network: Network,
    logits: np.ndarray,
    names: Sequence[str],
    read: Callable[[int], np.ndarray],
) -> None:
    """Raise DataError if a row of `logits` (N, classes) is not finite, with the name of its picture and of
    the first layer whose output for it is not finite. `read(i)` is the picture of row i."""
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        first = int(bad[0])
        check_picture(network, read(first), names[first])
        check_numbers(logits[first], f"{names[first]}: {network.layers[-1].who}")


def _first(array: np.ndarray) -> str:
    bad = array[~np.isfinite(array)]
    return f"{bad[0]} ({len(bad):,} of {array.size:,})"

"""Whether a network computes with numbers: NaN and infinity in a file or an answer are errors that name where
they come from, since all that follows from them means nothing."""

from collections.abc import Callable, Sequence

import numpy as np

from fovea import engine
from fovea.errors import DataError, mismatch
from fovea.network import Network

_REMEDY = "its weights are damaged or too large, train it again"


def check_weights(network: Network, who: str) -> None:
    """Raise DataError, in the name of `who`, where a parameter or a statistic is no finite number."""
    for layer in network.layers:
        for name, array in {**layer.parameters, **layer.statistics}.items():
            if not np.isfinite(array).all():
                expected = f"finite numbers in {name}"
                raise DataError(mismatch(f"{who}: {layer.who}", expected, _first(array), _REMEDY))


def check_picture(network: Network, picture: np.ndarray, who: str) -> None:
    """Raise DataError, in the name of `who`, where a layer does not give finite numbers to the picture, uint8
    (H, W, C) or numbers."""
    check_batch(network, picture[np.newaxis], who)


def check_some_picture(network: Network, who: str) -> None:
    """The same for a picture of noise: weights may be finite, and too large to compute with."""
    check_picture(network, np.random.default_rng(0).integers(0, 256, network.input_shape, np.uint8), who)


def check_batch(
    network: Network,
    X: np.ndarray,
    who: str,
    training: bool = False,
    rng: np.random.Generator | None = None,
) -> None:
    """The same for pictures (N, H, W, C), in training where that is asked for.

    On the reference engine, which has nothing to compile for a single pass.
    """
    X = network.preprocessing.apply(X) if X.dtype == np.uint8 else X
    with engine.use("reference"), np.errstate(all="ignore"):
        for layer, A, _ in network.forward_steps(X, training, rng):
            check_numbers(A, f"{who}: {layer.who}")


def check_numbers(array: np.ndarray, who: str) -> None:
    """Raise DataError, in the name of `who`, where not all of what its weights led to is finite."""
    if not np.isfinite(array).all():
        raise DataError(mismatch(who, "finite numbers", _first(array), _REMEDY))


def check_answers(
    network: Network,
    answers: np.ndarray,
    names: Sequence[str],
    picture_of: Callable[[int], np.ndarray],
) -> None:
    """Raise DataError where one of `answers` (N, classes) is not finite, with the name of that picture and of
    the first layer that does not give finite numbers to it."""
    bad = np.flatnonzero(~np.isfinite(answers).all(axis=1))
    if len(bad):
        first = int(bad[0])
        check_picture(network, picture_of(first), names[first])
        check_numbers(answers[first], f"{names[first]}: {network.layers[-1].who}")


def _first(array: np.ndarray) -> str:
    bad = array[~np.isfinite(array)]
    return f"{bad[0]} ({len(bad):,} of {array.size:,})"

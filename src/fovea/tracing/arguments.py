"""Checks of the arguments of `trace` and of a trace's queries."""

from collections.abc import Mapping
from operator import index
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.network import Network
from fovea.network.inputs import pixels_or_numbers
from fovea.network.outputs import checked_gradients


def batch_of_one(network: Network, image: np.ndarray) -> np.ndarray:
    """`image` as float X (1, H, W, C)."""
    image = np.asarray(image)
    images = image[np.newaxis] if image.shape == network.input_shape else image
    X = pixels_or_numbers(images, network.input_shape, network.layers[0].who)
    if len(X) != 1:
        raise ShapeError(mismatch("trace", "one picture", len(X), "trace each picture separately"))
    return network.preprocessing.apply(X) if X.dtype == np.uint8 else X


def class_number(network: Network, label: int | str) -> int:
    """`label`, a class or its name, as the number of the class."""
    if not network.ends_in_classes:
        remedy = "pass dZ instead"
        raise ShapeError(mismatch("trace", "a network of classes for a label", network.output_shape, remedy))
    (count,), names = network.output_shape, network.classes or []
    number = names.index(label) if label in names else _whole(label)
    if not 0 <= number < count:
        known = f" or one of {', '.join(names)}" if 0 < len(names) <= 12 else ""
        raise ShapeError(mismatch("trace", f"a label from 0 to {count - 1}{known}", repr(label)))
    return number


def upstream(network: Network, dZ: Any) -> Any:
    """The gradient of the network's output, as a batch of one; a dict if its outputs have names."""
    if network.outputs:
        parts = dict(dZ) if isinstance(dZ, Mapping) else {}
        batch = {name: np.asarray(part)[np.newaxis] for name, part in parts.items()}
        return checked_gradients(batch, network.output_shape, "trace")
    dZ = np.asarray(dZ)
    if dZ.dtype.kind != "f" or dZ.shape != network.output_shape:
        got = f"{dZ.dtype} {dZ.shape}"
        raise ShapeError(mismatch("trace", f"dZ in float32 {network.output_shape}", got))
    return dZ[np.newaxis]


def position(at: int | tuple[int, ...], shape: tuple[int, ...], who: str, array: str) -> tuple[int, ...]:
    """`at` as a tuple of whole numbers within `shape`. Raises ShapeError."""
    parts = at if isinstance(at, tuple | list | np.ndarray) else (at,)
    numbers = tuple(map(_whole, parts))
    if len(numbers) != len(shape) or not all(0 <= p < n for p, n in zip(numbers, shape, strict=True)):
        largest = ", ".join(str(n - 1) for n in shape)
        expected = f"a position in {array}, from ({', '.join('0' * len(shape))}) to ({largest})"
        raise ShapeError(mismatch(who, expected, at))
    return numbers


def input_position(at: int | tuple[int, ...], A_prev: Any, who: str) -> tuple[int, ...]:
    """`at` within a layer's input; of several inputs, its number comes first. Raises ShapeError."""
    if not isinstance(A_prev, tuple):
        return position(at, A_prev.shape, who, "its input")
    number = at[0] if isinstance(at, tuple) and at else at
    (number,) = position(number, (len(A_prev),), who, "its inputs")
    rest = at[1:] if isinstance(at, tuple) else ()
    return number, *position(rest, A_prev[number].shape, who, f"its input {number}")


def _whole(value: Any) -> int:
    """`value`, or −1 if it is not a whole number."""
    try:
        return -1 if isinstance(value, bool) else index(value)
    except TypeError:
        return -1

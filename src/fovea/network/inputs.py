"""Checks of a network's input: arrays of the right shape, precision and order, or an error with the
remedy."""

import numpy as np

from fovea import engine
from fovea.errors import ShapeError, mismatch
from fovea.layers.base import Shape


def numbers(X: np.ndarray, input_shape: Shape, who: str) -> np.ndarray:
    """X (N, *input_shape), floating point, in a precision that the engine computes in; `who` is named in
    errors."""
    X = np.asarray(X)
    if X.dtype.kind != "f":
        remedy = "uint8 pixels go to predict, or through network.preprocessing.apply"
        raise ShapeError(mismatch(who, "A_prev in float32", X.dtype, remedy))
    _check_shape(X, input_shape, who)
    return in_precision(X)


def pixels_or_numbers(images: np.ndarray, input_shape: Shape, who: str) -> np.ndarray:
    """`images` (N, *input_shape): floating-point numbers as in `numbers`, or uint8 pixels unchanged."""
    if images.dtype != np.uint8:
        return numbers(images, input_shape, who)
    _check_shape(images, input_shape, who)
    return images


def in_precision(X: np.ndarray) -> np.ndarray:
    """X, contiguous: float64 if it is and the reference engine computes, else float32."""
    double = X.dtype == np.float64 and engine.current() == "reference"
    return np.ascontiguousarray(X, np.float64 if double else np.float32)


def batch_of(shape: Shape) -> str:
    """`shape` with the batch axis before it: (N, 28, 28, 1)."""
    return f"(N, {', '.join(map(str, shape))})"


def _check_shape(X: np.ndarray, input_shape: Shape, who: str) -> None:
    if X.shape[1:] != input_shape:
        remedy = _remedy(X.shape, input_shape)
        raise ShapeError(mismatch(who, f"A_prev {batch_of(input_shape)}", X.shape, remedy))


def _remedy(got: Shape, expected: Shape) -> str:
    """The remedy for a common mistake with an input's shape, "" for any other."""
    H, W, C = expected if len(expected) == 3 else (0, 0, 0)
    if got[-3:] == (C, H, W):
        return "channels come last"
    if C == 1 and got[-2:] == (H, W):
        return "the channel axis is missing, X[..., np.newaxis]"
    if len(got) == 4 and C and got[3] == C:
        return f"resize the pictures to {H}×{W}"
    return ""

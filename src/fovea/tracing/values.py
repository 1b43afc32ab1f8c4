"""The layers without a window, one value at a time; and softmax with its loss."""

import numpy as np

from fovea.reference.quiet import quietly
from fovea.tracing.steps import Factor, Passed, Softmax, Sum, Tracer

At = tuple[int, ...]


def _one(name: str, array: np.ndarray, at: At) -> Factor:
    """The value of `array` at `at`, as the factor of a sum with one term."""
    return Factor(name, np.asarray(array[at]), np.array(at))


# Dense


def _dense(passed: Passed, at: At) -> Sum:
    (u,) = at
    W, inputs = passed.parameter("W"), np.arange(len(passed.A_prev))[:, None]
    bias = passed.parameter("b")[u] if "b" in passed.layer.parameters else None
    left = Factor("A_prev", passed.A_prev, inputs)
    right = Factor("W", W[:, u], np.insert(inputs, 1, u, axis=1))
    return passed.sum(
        "Z", at, passed.Z, "Σ A_prev · W" + (" + b" if bias is not None else ""), left, right, bias=bias
    )


def _dense_input(passed: Passed, at: At) -> Sum:
    (k,) = at
    units = np.arange(len(passed.dZ))[:, None]
    right = Factor("W", passed.parameter("W")[k], np.insert(units, 0, k, axis=1))
    return passed.sum("dA_prev", at, passed.dA_prev, "Σ dZ · W", Factor("dZ", passed.dZ, units), right)


def _dense_weight(passed: Passed, at: At) -> Sum:
    k, u = at
    left, right = _one("A_prev", passed.A_prev, (k,)), _one("dZ", passed.dZ, (u,))
    return passed.sum("dW", at, passed.gradients["W"], "A_prev · dZ", left, right)


def _dense_bias(passed: Passed, at: At) -> Sum:
    return passed.sum("db", at, passed.gradients["b"], "dZ", _one("dZ", passed.dZ, at))


DENSE = Tracer(_dense, _dense_input, {"W": _dense_weight, "b": _dense_bias})


# One value from one value


def _flatten(passed: Passed, at: At) -> Sum:
    position = tuple(map(int, np.unravel_index(at[0], passed.A_prev.shape)))
    return passed.sum("Z", at, passed.Z, "A_prev", _one("A_prev", passed.A_prev, position))


def _flatten_input(passed: Passed, at: At) -> Sum:
    position = (int(np.ravel_multi_index(at, passed.A_prev.shape)),)
    return passed.sum("dA_prev", at, passed.dA_prev, "dZ", _one("dZ", passed.dZ, position))


def _dropout(passed: Passed, at: At) -> Sum:
    M = _mask(passed, at)
    return passed.sum(
        "Z", at, passed.Z, "A_prev · M" if M else "A_prev", _one("A_prev", passed.A_prev, at), M
    )


def _dropout_input(passed: Passed, at: At) -> Sum:
    M = _mask(passed, at)
    return passed.sum("dA_prev", at, passed.dA_prev, "dZ · M" if M else "dZ", _one("dZ", passed.dZ, at), M)


def _mask(passed: Passed, at: At) -> Factor | None:
    """The factor of the dropout mask; None outside training."""
    return None if passed.cache is None else _one("M", passed.cache[0], at)


FLATTEN = Tracer(_flatten, _flatten_input)
DROPOUT = Tracer(_dropout, _dropout_input)


# Softmax


@quietly
def softmax(Z: np.ndarray, A: np.ndarray, names: tuple[str, ...], k: int) -> Softmax:
    """The step from the logits Z (classes,) to the probability A[k]."""
    exponentials = np.exp(Z.astype(np.float64) - Z.max())
    return Softmax(
        "softmax", "softmax", "A", (k,), "exp(Z − max Z) / Σ exp(Z − max Z)",
        float(exponentials[k] / exponentials.sum()), float(A[k]), Z, exponentials, A, None, names,
    )  # fmt: skip


@quietly
def softmax_input(
    Z: np.ndarray, A: np.ndarray, dZ: np.ndarray, label: int, names: tuple[str, ...], k: int
) -> Softmax:
    """The step from the probabilities A (classes,) to the gradient dZ[k] of −log A[label]."""
    exponentials = np.exp(Z.astype(np.float64) - Z.max())
    Y = np.arange(len(Z)) == label
    return Softmax(
        "softmax", "softmax", "dZ", (k,), "A − Y", float(exponentials[k] / exponentials.sum() - Y[k]),
        float(dZ[k]), Z, exponentials, A, Y.astype(np.float32), names,
    )  # fmt: skip

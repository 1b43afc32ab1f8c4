"""Scale and shift of channels, one value at a time; the formulas are those of the layer."""

import numpy as np

from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _value(passed: Passed, at: At) -> Sum:
    left, right = Factor("A_prev", np.asarray(passed.A_prev[at]), np.array(at)), _gamma(passed, at)
    bias = float(passed.parameter("beta")[at[-1]]) if "beta" in passed.layer.parameters else None
    rule = "A_prev · γ" + (" + β" if bias is not None else "")
    return passed.sum("Z", at, passed.Z, rule, left, right, bias=bias)


def _input(passed: Passed, at: At) -> Sum:
    left = Factor("dZ", np.asarray(passed.dZ[at]), np.array(at))
    return passed.sum("dA_prev", at, passed.dA_prev, "dZ · γ", left, _gamma(passed, at))


def _gamma(passed: Passed, at: At) -> Factor:
    return Factor("gamma", np.asarray(passed.parameter("gamma")[at[-1]]), np.array(at[-1:]))


def _channel(name: str, array: np.ndarray, c: int) -> Factor:
    """All values of a channel, with their positions."""
    values = array[..., c]
    pixels = np.moveaxis(np.indices(values.shape), 0, -1)
    return Factor(name, values, np.concatenate([pixels, np.full((*values.shape, 1), c)], axis=-1))


def _dgamma(passed: Passed, at: At) -> Sum:
    left, right = (_channel(n, a, at[0]) for n, a in (("dZ", passed.dZ), ("A_prev", passed.A_prev)))
    return passed.sum("dgamma", at, passed.gradients["gamma"], "Σ dZ · A_prev", left, right)


def _dbeta(passed: Passed, at: At) -> Sum:
    return passed.sum("dbeta", at, passed.gradients["beta"], "Σ dZ", _channel("dZ", passed.dZ, at[0]))


AFFINE = Tracer(_value, _input, {"gamma": _dgamma, "beta": _dbeta})

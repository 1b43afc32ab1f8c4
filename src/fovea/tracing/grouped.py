"""Normalisation within each picture, one value at a time; μ and σ² are those of a group of M values.

Z = (A_prev − μ) · s + β,    s = γ / √(σ² + ε)                                                        (1)
dA_prev[p] = Σ_q dZ[q] · γ[q] · ([q = p] − 1/M − x̂[p] x̂[q] / M) / √(σ² + ε)                          (2)
dγ[c] = Σ dZ · x̂,    dβ[c] = Σ dZ                                                                     (3)
"""

from typing import Any

import numpy as np

from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _group(passed: Passed, at: At) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The positions (M, axes) of the values that are normalised together with the one at `at`, and their x̂
    (M,), μ and 1/√(σ² + ε)."""
    layer: Any = passed.layer
    shape = passed.A_prev.shape
    groups = layer.groups_of(shape[-1])
    inside = np.zeros(shape, bool)
    if groups is None:
        inside[at[:-1]] = True
    else:
        channels = shape[-1] // groups
        first = at[-1] // channels * channels
        inside[..., first : first + channels] = True
    values = passed.A_prev[inside].astype(np.float64)
    mean = values.mean()
    inverse = 1 / np.sqrt(np.square(values - mean).mean() + layer.epsilon)
    return np.argwhere(inside), (values - mean) * inverse, float(mean), float(inverse)


def _value(passed: Passed, at: At) -> Sum:
    _, _, mean, inverse = _group(passed, at)
    gamma, beta = (float(passed.parameter(name)[at[-1]]) for name in ("gamma", "beta"))
    left = Factor("A_prev − μ", np.asarray(float(passed.A_prev[at]) - mean))
    scale = Factor("γ / √(σ² + ε)", np.asarray(gamma * inverse))
    return passed.sum("Z", at, passed.Z, "(A_prev − μ) · γ / √(σ² + ε) + β", left, scale, bias=beta)  # (1)


def _input(passed: Passed, at: At) -> Sum:
    positions, x, _, inverse = _group(passed, at)
    p = int(np.flatnonzero((positions == at).all(axis=1))[0])
    slope = -(1 + x[p] * x) / len(x)
    slope[p] += 1
    gamma = passed.parameter("gamma").astype(np.float64)[positions[:, -1]]
    left = Factor("dZ", passed.dZ[tuple(positions.T)], positions)
    right = Factor("γ · ([q = p] − 1/M − x̂[p] x̂[q] / M) / √(σ² + ε)", gamma * slope * inverse)
    return passed.sum("dA_prev", at, passed.dA_prev, f"Σ dZ · {right.name}", left, right)  # (2)


def _channel(passed: Passed, c: int) -> Factor:
    """dZ of a channel."""
    dZ = passed.dZ[..., c]
    pixels = np.moveaxis(np.indices(dZ.shape), 0, -1)
    return Factor("dZ", dZ, np.concatenate([pixels, np.full((*dZ.shape, 1), c)], axis=-1))


def _gamma(passed: Passed, at: At) -> Sum:
    dZ = _channel(passed, at[0])
    assert dZ.at is not None
    x = np.empty(dZ.values.shape)
    for pixel in np.ndindex(x.shape):
        position = (*pixel, at[0])
        _, _, mean, inverse = _group(passed, position)
        x[pixel] = (float(passed.A_prev[position]) - mean) * inverse
    return passed.sum("dgamma", at, passed.gradients["gamma"], "Σ dZ · x̂", dZ, Factor("x̂", x))  # (3)


def _beta(passed: Passed, at: At) -> Sum:
    return passed.sum("dbeta", at, passed.gradients["beta"], "Σ dZ", _channel(passed, at[0]))  # (3)


GROUPED = Tracer(_value, _input, {"gamma": _gamma, "beta": _beta})

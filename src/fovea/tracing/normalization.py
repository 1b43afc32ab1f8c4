"""Batch normalisation, one value at a time; μ and σ² are those that normalised it, as in the layer's cache.

Z = (A_prev − μ) · s + β,    s = γ / √(σ² + ε)                                                        (1)
dA_prev = s · dZ, where μ and σ² are the running ones                                                 (2)
dA_prev[p] = Σ_q dZ[q] · s · ([q = p] − 1/M − x̂[p] x̂[q] / M), where they are the M values' own       (3)
"""

from dataclasses import dataclass

import numpy as np

from fovea.layers import BatchNorm
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


@dataclass(frozen=True)
class _Channel:
    """What belongs to one channel, in float64."""

    mean: float
    inverse: float  # 1 / √(σ² + ε)
    gamma: float
    beta: float
    of_batch: bool
    x: np.ndarray  # x̂ of all its values
    dZ: np.ndarray
    places: np.ndarray  # of all its values

    @classmethod
    def of(cls, passed: Passed, c: int) -> "_Channel":
        _, mean, variance, of_batch = passed.cache
        assert isinstance(passed.layer, BatchNorm)
        inverse = 1 / np.sqrt(np.float64(variance[c]) + passed.layer.epsilon)
        values = passed.A_prev[..., c]
        places = np.moveaxis(np.indices(values.shape), 0, -1)
        at = np.concatenate([places, np.full((*values.shape, 1), c)], axis=-1)
        gamma, beta = (float(passed.parameter(name)[c]) for name in ("gamma", "beta"))
        dZ = passed.dZ[..., c] if passed.dZ.size else np.empty(0)
        x = (values.astype(np.float64) - float(mean[c])) * inverse
        return cls(float(mean[c]), float(inverse), gamma, beta, bool(of_batch), x, dZ, at)


def _value(passed: Passed, at: At) -> Sum:
    own = _Channel.of(passed, at[-1])
    left = Factor("A_prev − μ", np.asarray(float(passed.A_prev[at]) - own.mean))
    scale = Factor("γ / √(σ² + ε)", np.asarray(own.gamma * own.inverse))
    return passed.sum(
        "Z", at, passed.Z, "(A_prev − μ) · γ / √(σ² + ε) + β", left, scale, bias=own.beta
    )  # (1)


def _input(passed: Passed, at: At) -> Sum:
    own, pixel = _Channel.of(passed, at[-1]), at[:-1]
    scale = own.gamma * own.inverse
    if not own.of_batch:
        left = Factor("dZ", np.asarray(passed.dZ[at]), np.array(at))
        right = Factor("γ / √(σ² + ε)", np.asarray(scale))
        return passed.sum("dA_prev", at, passed.dA_prev, "dZ · γ / √(σ² + ε)", left, right)  # (2)
    slope = -(1 + own.x[pixel] * own.x) / own.x.size
    slope[pixel] += 1
    left = Factor("dZ", own.dZ, own.places)
    right = Factor("γ / √(σ² + ε) · ([q = p] − 1/M − x̂[p] x̂[q] / M)", scale * slope)
    return passed.sum("dA_prev", at, passed.dA_prev, f"Σ dZ · {right.name}", left, right)  # (3)


def _gamma(passed: Passed, at: At) -> Sum:
    own = _Channel.of(passed, at[0])
    left, right = Factor("dZ", own.dZ, own.places), Factor("x̂", own.x)
    return passed.sum("dgamma", at, passed.gradients["gamma"], "Σ dZ · x̂", left, right)


def _beta(passed: Passed, at: At) -> Sum:
    own = _Channel.of(passed, at[0])
    left = Factor("dZ", own.dZ, own.places)
    return passed.sum("dbeta", at, passed.gradients["beta"], "Σ dZ", left)


BATCH_NORM = Tracer(_value, _input, {"gamma": _gamma, "beta": _beta})

"""Batch normalisation, one value at a time; μ and σ² are those in the layer's cache.

Z = (A_prev − μ) · s + β,    s = γ / √(σ² + ε)                                                        (1)
dA_prev = s · dZ, if μ and σ² are the running ones                                                    (2)
dA_prev[p] = Σ_q dZ[q] · s · ([q = p] − 1/M − x̂[p] x̂[q] / M), if they are those of these M values    (3)
"""

from dataclasses import dataclass

import numpy as np

from fovea.layers import BatchNorm
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


@dataclass(frozen=True)
class _Channel:
    """The numbers of one channel, in float64."""

    mean: float
    inverse: float  # 1 / √(σ² + ε)
    gamma: float
    beta: float
    of_batch: bool
    x: np.ndarray  # x̂ of all its values
    dZ: np.ndarray
    positions: np.ndarray  # of all its values

    @classmethod
    def of(cls, passed: Passed, c: int) -> "_Channel":
        _, mean, variance, of_batch = passed.cache
        assert isinstance(passed.layer, BatchNorm)
        inverse = 1 / np.sqrt(np.float64(variance[c]) + passed.layer.epsilon)
        values = passed.A_prev[..., c]
        pixels = np.moveaxis(np.indices(values.shape), 0, -1)
        positions = np.concatenate([pixels, np.full((*values.shape, 1), c)], axis=-1)
        gamma, beta = (float(passed.parameter(name)[c]) for name in ("gamma", "beta"))
        dZ = passed.dZ[..., c] if passed.dZ.size else np.empty(0)
        x = (values.astype(np.float64) - float(mean[c])) * inverse
        return cls(float(mean[c]), float(inverse), gamma, beta, bool(of_batch), x, dZ, positions)


def _value(passed: Passed, at: At) -> Sum:
    channel = _Channel.of(passed, at[-1])
    left = Factor("A_prev − μ", np.asarray(float(passed.A_prev[at]) - channel.mean))
    scale = Factor("γ / √(σ² + ε)", np.asarray(channel.gamma * channel.inverse))
    return passed.sum(
        "Z", at, passed.Z, "(A_prev − μ) · γ / √(σ² + ε) + β", left, scale, bias=channel.beta
    )  # (1)


def _input(passed: Passed, at: At) -> Sum:
    channel, pixel = _Channel.of(passed, at[-1]), at[:-1]
    scale = channel.gamma * channel.inverse
    if not channel.of_batch:
        left = Factor("dZ", np.asarray(passed.dZ[at]), np.array(at))
        right = Factor("γ / √(σ² + ε)", np.asarray(scale))
        return passed.sum("dA_prev", at, passed.dA_prev, "dZ · γ / √(σ² + ε)", left, right)  # (2)
    slope = -(1 + channel.x[pixel] * channel.x) / channel.x.size
    slope[pixel] += 1
    left = Factor("dZ", channel.dZ, channel.positions)
    right = Factor("γ / √(σ² + ε) · ([q = p] − 1/M − x̂[p] x̂[q] / M)", scale * slope)
    return passed.sum("dA_prev", at, passed.dA_prev, f"Σ dZ · {right.name}", left, right)  # (3)


def _gamma(passed: Passed, at: At) -> Sum:
    channel = _Channel.of(passed, at[0])
    left, right = Factor("dZ", channel.dZ, channel.positions), Factor("x̂", channel.x)
    return passed.sum("dgamma", at, passed.gradients["gamma"], "Σ dZ · x̂", left, right)


def _beta(passed: Passed, at: At) -> Sum:
    channel = _Channel.of(passed, at[0])
    left = Factor("dZ", channel.dZ, channel.positions)
    return passed.sum("dbeta", at, passed.gradients["beta"], "Σ dZ", left)


BATCH_NORM = Tracer(_value, _input, {"gamma": _gamma, "beta": _beta})

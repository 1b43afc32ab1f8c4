"""Activations, one value at a time, and softmax; the formulas are those of the layers.

Forward, A is Z times a factor, or a function of Z; backward, dZ is dA times the slope of the activation at Z.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from fovea import reference
from fovea.layers import LeakyReLU
from fovea.reference.activation import sigmoid
from fovea.reference.quiet import quietly
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]
FactorOfZ = Callable[[Passed, float], Factor]


def _one(name: str, array: np.ndarray, at: At) -> Factor:
    """The value of `array` at `at`, as the factor of a sum with one term."""
    return Factor(name, np.asarray(array[at]), np.array(at))


def _number(name: str, value: float) -> Factor:
    """A number that is in no array."""
    return Factor(name, np.asarray(value, np.float64))


def _tracer(
    rule: str,
    slope_rule: str,
    slope: FactorOfZ,
    *,
    times: FactorOfZ | None = None,
    value: Callable[[Passed, float], Factor | None] | None = None,
    gate: bool = False,
) -> Tracer:
    """A tracer of A = value(Z) if that is not None, else Z · times(Z); dZ = dA · slope(Z). With `gate` the
    slope is 1 or 0."""

    @quietly
    def forward(passed: Passed, at: At) -> Sum:
        Z = float(passed.A_prev[at])
        if value is not None and (A := value(passed, Z)) is not None:
            return passed.sum("A", at, passed.Z, rule, A)
        factor = None if times is None else times(passed, Z)
        return passed.sum("A", at, passed.Z, rule, _one("Z", passed.A_prev, at), factor, chosen=gate)

    @quietly
    def backward(passed: Passed, at: At) -> Sum:
        factor = slope(passed, float(passed.A_prev[at]))
        left = _one("dA", passed.dZ, at)
        return passed.sum("dZ", at, passed.dA_prev, slope_rule, left, factor, chosen=gate)

    return Tracer(forward, backward)


def _open(passed: Passed, Z: float) -> Factor:
    return _number("Z > 0", 0.0 if Z <= 0 else 1.0)  # a NaN passes, so that it stays visible


def _leak(passed: Passed, Z: float) -> Factor:
    assert isinstance(passed.layer, LeakyReLU)
    return _number("slope", float(np.float32(passed.layer.slope)) if Z <= 0 else 1.0)


def _bounds(passed: Passed) -> tuple[float, float]:
    low, high = passed.layer.options  # type: ignore[attr-defined]
    return float(np.float32(low)), float(np.float32(high))


def _clipped(passed: Passed, Z: float) -> Factor | None:
    low, high = _bounds(passed)
    return _number("low", low) if low > Z else _number("high", high) if high < Z else None


def _between(passed: Passed, Z: float) -> Factor:
    low, high = _bounds(passed)
    return _number("low < Z < high", 0.0 if low >= Z or high <= Z else 1.0)


def _sigma(Z: float) -> float:
    return float(sigmoid(np.array([Z]))[0])


RELU = _tracer("max(Z, 0)", "dA where Z > 0", _open, times=_open, gate=True)
LEAKY_RELU = _tracer("Z where Z > 0, else slope · Z", "dA where Z > 0, else slope · dA", _leak, times=_leak)
CLIP = _tracer("min(max(Z, low), high)", "dA where low < Z < high", _between, value=_clipped, gate=True)
SIGMOID = _tracer(
    "1 / (1 + exp(−Z))", "dA · σ(Z) · (1 − σ(Z))",
    lambda _, Z: _number("σ(Z) · (1 − σ(Z))", _sigma(Z) * _sigma(-Z)),
    value=lambda _, Z: _number("σ(Z)", _sigma(Z)),
)  # fmt: skip
TANH = _tracer(
    "tanh(Z)", "dA · (1 − tanh²(Z))", lambda _, Z: _number("1 − tanh²(Z)", 1 - np.tanh(Z) ** 2),
    value=lambda _, Z: _number("tanh(Z)", np.tanh(Z)),
)  # fmt: skip
SILU = _tracer(
    "Z · σ(Z)", "dA · σ(Z) · (1 + Z · (1 − σ(Z)))",
    lambda _, Z: _number("σ(Z) · (1 + Z · (1 − σ(Z)))", _sigma(Z) * (1 + Z * _sigma(-Z))),
    times=lambda _, Z: _number("σ(Z)", _sigma(Z)),
)  # fmt: skip


def _named(rule: str, slope: str) -> Tracer:
    """A tracer that computes by the reference's formulas: A is `rule`, and dZ is dA · `slope`."""

    def value(passed: Passed, Z: float) -> Factor:
        layer: Any = passed.layer
        return _number(rule, getattr(reference, layer.function)(np.array([Z]), *layer.options).item())

    def slope_at(passed: Passed, Z: float) -> Factor:
        layer: Any = passed.layer
        cache = np.array([value(passed, Z).values if layer.from_output else Z])
        backward = getattr(reference, f"{layer.function}_backward")
        return _number(slope, backward(np.ones(1), cache, *layer.options).item())

    return _tracer(rule, f"dA · {slope}", slope_at, value=value)


ELU = _named("α · (exp(Z) − 1) where Z ≤ 0, else Z", "(α · exp(Z) where Z ≤ 0, else 1)")
CELU = _named("α · (exp(Z/α) − 1) where Z ≤ 0, else Z", "(exp(Z/α) where Z ≤ 0, else 1)")
SELU = _named("s · (α · (exp(Z) − 1) where Z ≤ 0, else Z)", "s · (α · exp(Z) where Z ≤ 0, else 1)")
HARD_SIGMOID = _named("min(max(slope · Z + shift, 0), 1)", "(slope where 0 < A < 1, else 0)")
HARD_SWISH = _named("Z · min(max(Z + 3, 0), 6) / 6", "(Z/3 + 1/2 where −3 < Z < 3, else 0 or 1)")
THRESHOLDED_RELU = _named("Z where Z > threshold, else 0", "(1 where Z > threshold, else 0)")
GELU = _named("Z · Φ(Z)", "(Φ(Z) + Z · φ(Z))")
MISH = _named("Z · ω, ω = tanh(log(1 + exp(Z)))", "(ω + Z · σ(Z) · (1 − ω²))")
SOFTPLUS = _named("log(1 + exp(βZ)) / β", "σ(βZ)")
LOG_SIGMOID = _named("log σ(Z)", "σ(−Z)")
SOFTSIGN = _named("Z / (1 + |Z|)", "1 / (1 + |Z|)²")
TANHSHRINK = _named("Z − tanh(Z)", "tanh²(Z)")


def _prelu_factor(passed: Passed, at: At) -> Factor:
    slope = passed.parameter("slope")
    channel = (at[-1] if len(slope) > 1 else 0,)
    return _one("slope", slope, channel) if passed.A_prev[at] <= 0 else _number("Z > 0", 1.0)


def _prelu(passed: Passed, at: At) -> Sum:
    Z = _one("Z", passed.A_prev, at)
    return passed.sum("A", at, passed.Z, "Z where Z > 0, else slope · Z", Z, _prelu_factor(passed, at))


def _prelu_input(passed: Passed, at: At) -> Sum:
    rule, dA = "dA where Z > 0, else slope · dA", _one("dA", passed.dZ, at)
    return passed.sum("dZ", at, passed.dA_prev, rule, dA, _prelu_factor(passed, at))


def _prelu_slope(passed: Passed, at: At) -> Sum:
    """The sum over the channel of that slope, or over all channels if they share one slope."""
    Z = passed.A_prev
    counts = Z <= 0
    if passed.gradients["slope"].size > 1:
        counts = counts & (np.arange(Z.shape[-1]) == at[0])
    positions = np.argwhere(counts)
    dA, Z = (Factor(name, array[counts], positions) for name, array in (("dA", passed.dZ), ("Z", Z)))
    return passed.sum("dslope", at, passed.gradients["slope"], "Σ dA · Z where Z ≤ 0", dA, Z)


PRELU = Tracer(_prelu, _prelu_input, {"slope": _prelu_slope})


# Softmax, over the values that the layer sums


def _group(passed: Passed, at: At) -> tuple[np.ndarray, np.ndarray]:
    """The positions (n, axes) of the values that softmax sums with the one at `at`; and a mask (n,), True at
    `at`."""
    layer: Any = passed.layer
    shape = passed.A_prev.shape
    summed = layer.axes(shape)
    ranges = [range(n) if axis in summed else [at[axis]] for axis, n in enumerate(shape)]
    positions = np.array(list(product(*ranges)))
    return positions, (positions == at).all(axis=1)


@quietly
def _softmax(passed: Passed, at: At) -> Sum:
    positions, here = _group(passed, at)
    Z = passed.A_prev[tuple(positions.T)].astype(np.float64)
    exponentials = np.exp(Z - Z.max())
    left = _number("exp(Z − max Z)", exponentials[here].item())
    share = _number("1 / Σ exp(Z − max Z)", 1 / exponentials.sum())
    return passed.sum("A", at, passed.Z, "exp(Z − max Z) / Σ exp(Z − max Z)", left, share)


@quietly
def _softmax_input(passed: Passed, at: At) -> Sum:
    positions, here = _group(passed, at)
    A = passed.Z[tuple(positions.T)].astype(np.float64)
    left = Factor("dA", passed.dZ[tuple(positions.T)], positions)
    slope = Factor("A_c · ([k = c] − A_k)", A[here] * (here - A))
    return passed.sum("dZ", at, passed.dA_prev, "Σ dA_k · A_c · ([k = c] − A_k)", left, slope)


@quietly
def _log_softmax(passed: Passed, at: At) -> Sum:
    positions, _ = _group(passed, at)
    Z = passed.A_prev[tuple(positions.T)].astype(np.float64)
    rule = "Z − max Z − log Σ exp(Z − max Z)"
    value = passed.A_prev[at] - Z.max() - np.log(np.exp(Z - Z.max()).sum())
    return passed.sum("A", at, passed.Z, rule, _number(rule, value))


@quietly
def _log_softmax_input(passed: Passed, at: At) -> Sum:
    positions, here = _group(passed, at)
    left = Factor("dA", passed.dZ[tuple(positions.T)], positions)
    slope = Factor("[k = c] − exp(A_c)", here - np.exp(np.float64(passed.Z[at])))
    return passed.sum("dZ", at, passed.dA_prev, "Σ dA_k · ([k = c] − exp(A_c))", left, slope)


SOFTMAX = Tracer(_softmax, _softmax_input)
LOG_SOFTMAX = Tracer(_log_softmax, _log_softmax_input)

"""Activations: a value from one value, and softmax, of several; the formulas are those of the layers.

Forward, A is Z times a factor, or a number that is made of Z; backward, dZ is dA times the slope of the
activation at Z.
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
Made = Callable[[Passed, float], Factor]  # from the layer and Z


def _one(name: str, array: np.ndarray, at: At) -> Factor:
    """The one value of `array` at `at`, as factor of a sum of one term."""
    return Factor(name, np.asarray(array[at]), np.array(at))


def _number(name: str, value: float) -> Factor:
    """A number that stands in no array."""
    return Factor(name, np.asarray(value, np.float64))


def _tracer(
    rule: str,
    slope_rule: str,
    slope: Made,
    *,
    times: Made | None = None,
    made: Callable[[Passed, float], Factor | None] | None = None,
    gate: bool = False,
) -> Tracer:
    """A = Z · times, or what is `made`, if anything; dZ = dA · slope. With `gate` the slope is 1 or 0."""

    @quietly
    def forward(passed: Passed, at: At) -> Sum:
        Z = float(passed.A_prev[at])
        if made is not None and (whole := made(passed, Z)) is not None:
            return passed.sum("A", at, passed.Z, rule, whole)
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
CLIP = _tracer("min(max(Z, low), high)", "dA where low < Z < high", _between, made=_clipped, gate=True)
SIGMOID = _tracer(
    "1 / (1 + exp(−Z))", "dA · σ(Z) · (1 − σ(Z))",
    lambda _, Z: _number("σ(Z) · (1 − σ(Z))", _sigma(Z) * _sigma(-Z)),
    made=lambda _, Z: _number("σ(Z)", _sigma(Z)),
)  # fmt: skip
TANH = _tracer(
    "tanh(Z)", "dA · (1 − tanh²(Z))", lambda _, Z: _number("1 − tanh²(Z)", 1 - np.tanh(Z) ** 2),
    made=lambda _, Z: _number("tanh(Z)", np.tanh(Z)),
)  # fmt: skip
SILU = _tracer(
    "Z · σ(Z)", "dA · σ(Z) · (1 + Z · (1 − σ(Z)))",
    lambda _, Z: _number("σ(Z) · (1 + Z · (1 − σ(Z)))", _sigma(Z) * (1 + Z * _sigma(-Z))),
    times=lambda _, Z: _number("σ(Z)", _sigma(Z)),
)  # fmt: skip


def _named(rule: str, slope: str) -> Tracer:
    """By the reference's formulas: A is `rule`, and dZ is dA · `slope`."""

    def made(passed: Passed, Z: float) -> Factor:
        layer: Any = passed.layer
        return _number(rule, getattr(reference, layer.function)(np.array([Z]), *layer.options).item())

    def slope_at(passed: Passed, Z: float) -> Factor:
        layer: Any = passed.layer
        kept = np.array([made(passed, Z).values if layer.from_output else Z])
        found = getattr(reference, f"{layer.function}_backward")(np.ones(1), kept, *layer.options)
        return _number(slope, found.item())

    return _tracer(rule, f"dA · {slope}", slope_at, made=made)


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


def _slope_of(passed: Passed, at: At) -> Factor:
    slope = passed.parameter("slope")
    own = (at[-1] if len(slope) > 1 else 0,)
    return _one("slope", slope, own) if passed.A_prev[at] <= 0 else _number("Z > 0", 1.0)


def _prelu(passed: Passed, at: At) -> Sum:
    Z = _one("Z", passed.A_prev, at)
    return passed.sum("A", at, passed.Z, "Z where Z > 0, else slope · Z", Z, _slope_of(passed, at))


def _prelu_input(passed: Passed, at: At) -> Sum:
    rule, dA = "dA where Z > 0, else slope · dA", _one("dA", passed.dZ, at)
    return passed.sum("dZ", at, passed.dA_prev, rule, dA, _slope_of(passed, at))


def _prelu_slope(passed: Passed, at: At) -> Sum:
    """Over the channel of that slope, or all where it is the only one."""
    Z = passed.A_prev
    own = Z <= 0
    if passed.gradients["slope"].size > 1:
        own = own & (np.arange(Z.shape[-1]) == at[0])
    places = np.argwhere(own)
    dA, Z = (Factor(name, array[own], places) for name, array in (("dA", passed.dZ), ("Z", Z)))
    return passed.sum("dslope", at, passed.gradients["slope"], "Σ dA · Z where Z ≤ 0", dA, Z)


PRELU = Tracer(_prelu, _prelu_input, {"slope": _prelu_slope})


# Softmax, over what the layer says


def _group(passed: Passed, at: At) -> tuple[np.ndarray, np.ndarray]:
    """The places that are summed over with `at`, (n, axes), and which of them is `at`, (n,)."""
    layer: Any = passed.layer
    shape = passed.A_prev.shape
    summed = layer.axes(shape)
    ranges = [range(n) if axis in summed else [at[axis]] for axis, n in enumerate(shape)]
    places = np.array(list(product(*ranges)))
    return places, (places == at).all(axis=1)


@quietly
def _softmax(passed: Passed, at: At) -> Sum:
    places, own = _group(passed, at)
    Z = passed.A_prev[tuple(places.T)].astype(np.float64)
    exponentials = np.exp(Z - Z.max())
    left = _number("exp(Z − max Z)", exponentials[own].item())
    share = _number("1 / Σ exp(Z − max Z)", 1 / exponentials.sum())
    return passed.sum("A", at, passed.Z, "exp(Z − max Z) / Σ exp(Z − max Z)", left, share)


@quietly
def _softmax_input(passed: Passed, at: At) -> Sum:
    places, own = _group(passed, at)
    A = passed.Z[tuple(places.T)].astype(np.float64)
    left = Factor("dA", passed.dZ[tuple(places.T)], places)
    slope = Factor("A_c · ([k = c] − A_k)", A[own] * (own - A))
    return passed.sum("dZ", at, passed.dA_prev, "Σ dA_k · A_c · ([k = c] − A_k)", left, slope)


@quietly
def _log_softmax(passed: Passed, at: At) -> Sum:
    places, _ = _group(passed, at)
    Z = passed.A_prev[tuple(places.T)].astype(np.float64)
    rule = "Z − max Z − log Σ exp(Z − max Z)"
    whole = passed.A_prev[at] - Z.max() - np.log(np.exp(Z - Z.max()).sum())
    return passed.sum("A", at, passed.Z, rule, _number(rule, whole))


@quietly
def _log_softmax_input(passed: Passed, at: At) -> Sum:
    places, own = _group(passed, at)
    left = Factor("dA", passed.dZ[tuple(places.T)], places)
    slope = Factor("[k = c] − exp(A_c)", own - np.exp(np.float64(passed.Z[at])))
    return passed.sum("dZ", at, passed.dA_prev, "Σ dA_k · ([k = c] − exp(A_c))", left, slope)


SOFTMAX = Tracer(_softmax, _softmax_input)
LOG_SOFTMAX = Tracer(_log_softmax, _log_softmax_input)

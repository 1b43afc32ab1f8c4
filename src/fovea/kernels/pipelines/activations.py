"""Activations of single numbers, for whatever kernel computes them: `fovea.reference.activation` has the
formulas.

An activation is a text: the function's name there, and its numbers, as in "relu" or "leaky_relu(0.01)".
"""

from collections.abc import Callable
from dataclasses import dataclass

import halide as hl

ZERO, ONE = hl.f32(0.0), hl.f32(1.0)


def is_nan(x: hl.Expr) -> hl.Expr:
    """Whether x is NaN, asked of its bits: of sums and products the compiler takes for granted that they are
    numbers, and drops other questions."""
    return (hl.reinterpret(hl.UInt(32), x) & hl.u32(0x7FFFFFFF)) > hl.u32(0x7F800000)


def rectified(Z: hl.Expr) -> hl.Expr:
    """max(Z, 0), through which NaN goes."""
    return hl.select(is_nan(Z), Z, hl.max(Z, ZERO))


@dataclass(frozen=True)
class Activation:
    """forward(Z, *numbers) is A; backward(dA, kept, *numbers) is dZ, `kept` being A, or Z, as the layer says.
    Where dZ is either dA or 0, `closed(kept, *numbers)` tells where it is 0, and there is no `backward`."""

    forward: Callable[..., hl.Expr]
    backward: Callable[..., hl.Expr] | None = None
    closed: Callable[..., hl.Expr] | None = None


def forward(activation: str, Z: hl.Expr) -> hl.Expr:
    """A; Z where `activation` is empty."""
    if not activation:
        return Z
    entry, numbers = _read(activation)
    return hl.select(is_nan(Z), Z, entry.forward(Z, *numbers))


def backward(activation: str, dA: hl.Expr, kept: hl.Expr) -> hl.Expr:
    """dZ."""
    entry, numbers = _read(activation)
    if entry.backward is None:
        return hl.select(closed(activation, kept), ZERO, dA)
    return entry.backward(dA, kept, *numbers)


def closed(activation: str, kept: hl.Expr) -> hl.Expr:
    """Whether nothing goes back; `kept` may be Z as well as A. A NaN is open, so that it stays visible."""
    entry, numbers = _read(activation)
    assert entry.closed is not None
    return entry.closed(kept, *numbers) & ~is_nan(kept)


def is_gate(activation: str) -> bool:
    """Whether there is an activation, and it only opens and closes."""
    return bool(activation) and _read(activation)[0].closed is not None


def _read(activation: str) -> tuple[Activation, list[hl.Expr]]:
    name, _, numbers = activation.removesuffix(")").partition("(")
    return TABLE[name], [hl.f32(float(number)) for number in numbers.split(",") if number]


def _sigmoid(Z: hl.Expr) -> hl.Expr:
    small = hl.exp(-hl.abs(Z))  # at most 1: nothing overflows
    return hl.select(Z < ZERO, small, ONE) / (ONE + small)


def _silu_backward(dA: hl.Expr, Z: hl.Expr) -> hl.Expr:
    slope = _sigmoid(Z) * (ONE + Z * _sigmoid(-Z))
    return dA * hl.select(is_nan(Z), Z, slope)


# tanh(x) = x + x³ · P(x²) for |x| < 5/8 to 2e-8 of itself; by interpolation at the Chebyshev nodes of x².
# Beyond, (1 − exp(−2x)) / (1 + exp(−2x)) loses nothing by its difference.
_TANH = (-0.33333329, 0.1333277, -0.05385091, 0.02099718, -0.00609671)


def _tanh(Z: hl.Expr) -> hl.Expr:
    squared, series = Z * Z, hl.f32(_TANH[-1])
    for coefficient in _TANH[-2::-1]:
        series = series * squared + hl.f32(coefficient)
    small = hl.exp(hl.f32(-2.0) * hl.abs(Z))
    far = (ONE - small) / (ONE + small)
    near = Z + Z * squared * series
    return hl.select(hl.abs(Z) < hl.f32(0.625), near, hl.select(Z < ZERO, -far, far))


TABLE = {
    "relu": Activation(lambda Z: hl.max(Z, ZERO), closed=lambda Z: Z <= ZERO),
    "leaky_relu": Activation(
        lambda Z, slope: hl.select(Z <= ZERO, Z * slope, Z),
        lambda dA, Z, slope: hl.select((Z <= ZERO) & ~is_nan(Z), dA * slope, dA),
    ),
    "clip": Activation(
        lambda Z, low, high: hl.clamp(Z, low, high),
        closed=lambda Z, low, high: (low >= Z) | (high <= Z),
    ),
    "sigmoid": Activation(_sigmoid, lambda dA, A: dA * (A * (ONE - A))),
    "tanh": Activation(_tanh, lambda dA, A: dA * ((ONE - A) * (ONE + A))),
    "silu": Activation(lambda Z: Z * _sigmoid(Z), _silu_backward),
}

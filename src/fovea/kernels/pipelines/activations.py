"""Activations of single numbers, for all kernels that apply them: formulas in `fovea.reference.activation`.

An activation is a string: the function's name there and its numbers, as in "relu" or "leaky_relu(0.01)".
"""

from collections.abc import Callable
from dataclasses import dataclass

import halide as hl

from fovea.kernels.pipelines import smooth
from fovea.kernels.pipelines.smooth import ONE, ZERO

THREE = hl.f32(3.0)


def is_nan(x: hl.Expr) -> hl.Expr:
    """Whether x is NaN, by its bits: LLVM assumes that sums and products are never NaN, and removes other
    tests."""
    return (hl.reinterpret(hl.UInt(32), x) & hl.u32(0x7FFFFFFF)) > hl.u32(0x7F800000)


def rectified(Z: hl.Expr) -> hl.Expr:
    """max(Z, 0); NaN for NaN."""
    return hl.select(is_nan(Z), Z, hl.max(Z, ZERO))


@dataclass(frozen=True)
class Activation:
    """forward(Z, *numbers) is A; backward(dA, kept, *numbers) is dZ, where `kept` is A or Z, as the layer
    declares. If dZ is always dA or 0, there is no `backward`, and closed(kept, *numbers) is where it is 0."""

    forward: Callable[..., hl.Expr]
    backward: Callable[..., hl.Expr] | None = None
    closed: Callable[..., hl.Expr] | None = None


def forward(activation: str, Z: hl.Expr) -> hl.Expr:
    """A; Z if `activation` is empty."""
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
    """Whether the gradient is blocked; `kept` may be Z or A. A NaN passes, so that it stays visible."""
    entry, numbers = _read(activation)
    assert entry.closed is not None
    return entry.closed(kept, *numbers) & ~is_nan(kept)


def is_gate(activation: str) -> bool:
    """Whether there is an activation, and it only passes or blocks the gradient."""
    return bool(activation) and _read(activation)[0].closed is not None


def _read(activation: str) -> tuple[Activation, list[hl.Expr]]:
    name, _, numbers = activation.removesuffix(")").partition("(")
    return TABLE[name], [hl.f32(float(number)) for number in numbers.split(",") if number]


def _sloped(slope: Callable[..., hl.Expr]) -> Callable[..., hl.Expr]:
    """The backward pass dZ = dA · slope(Z); NaN for NaN."""
    return lambda dA, Z, *numbers: dA * hl.select(is_nan(Z), Z, slope(Z, *numbers))


def _elu_slope(Z: hl.Expr, alpha: hl.Expr, scale: hl.Expr, rate: hl.Expr) -> hl.Expr:
    return hl.select(Z > ZERO, scale, scale * alpha * rate * hl.exp(rate * hl.min(Z, ZERO)))


def _elu(Z: hl.Expr, alpha: hl.Expr, scale: hl.Expr, rate: hl.Expr) -> hl.Expr:
    below = scale * alpha * smooth.exponential_less_one(rate * hl.min(Z, ZERO))
    return hl.select(Z > ZERO, scale * Z, below)


def _hard_swish(Z: hl.Expr) -> hl.Expr:
    return hl.select(Z <= -THREE, ZERO, hl.select(Z >= THREE, Z, Z * (Z + THREE) / hl.f32(6.0)))


def _hard_swish_slope(Z: hl.Expr) -> hl.Expr:
    return hl.select(Z <= -THREE, ZERO, hl.select(Z >= THREE, ONE, Z / THREE + hl.f32(0.5)))


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
    "sigmoid": Activation(smooth.sigmoid, lambda dA, A: dA * (A * (ONE - A))),
    "tanh": Activation(smooth.tanh, lambda dA, A: dA * ((ONE - A) * (ONE + A))),
    "silu": Activation(smooth.silu, _sloped(smooth.silu_slope)),
    "elu": Activation(_elu, _sloped(_elu_slope)),
    "hard_sigmoid": Activation(
        lambda Z, slope, shift: hl.clamp(slope * Z + shift, ZERO, ONE),
        lambda dA, A, slope, shift: hl.select(((A <= ZERO) | (A >= ONE)) & ~is_nan(A), ZERO, dA * slope),
    ),
    "hard_swish": Activation(_hard_swish, _sloped(_hard_swish_slope)),
    "thresholded_relu": Activation(
        lambda Z, threshold: hl.select(threshold >= Z, ZERO, Z),
        lambda dA, Z, threshold: hl.select((threshold >= Z) & ~is_nan(Z), ZERO, dA),
    ),
    "gelu": Activation(smooth.gelu, _sloped(smooth.gelu_slope)),
    "gelu_tanh": Activation(smooth.gelu_tanh, _sloped(smooth.gelu_tanh_slope)),
    "mish": Activation(smooth.mish, _sloped(smooth.mish_slope)),
    "softplus": Activation(smooth.softplus, _sloped(smooth.softplus_slope)),
    "softsign": Activation(smooth.softsign, _sloped(smooth.softsign_slope)),
    "tanhshrink": Activation(smooth.tanhshrink, _sloped(smooth.tanhshrink_slope)),
}

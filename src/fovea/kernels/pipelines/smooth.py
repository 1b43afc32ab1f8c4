"""Smooth activations in float32, stable for any number; `fovea.reference.smooth` has the formulas.

Each activation has a function for A and one for the slope dA/dZ. They are computed from exp alone:

    tanh(x) = x + x³ · P(x²) near 0, else (1 − exp(−2x)) / (1 + exp(−2x))                                (1)
    exp(x) − 1 = 2t / (1 − t),   t = tanh(x/2),   for x ≤ 0                                              (2)
    log(1 + s) = 2 artanh(w) = 2 Σ w^(2k + 1) / (2k + 1),   w = s / (2 + s) ≤ 1/3                        (3)
    Φ(−x√2) = exp(−x²) · Q(1 − 5 / (x + 2.5)),   x ≥ 0                                                   (4)
"""

import math

import halide as hl

ZERO, ONE, TWO, HALF = (hl.f32(number) for number in (0.0, 1.0, 2.0, 0.5))

# P for |x| < 5/8, to 2e-8 of tanh(x), and Q, to 6e-7 of itself: by interpolation at Chebyshev nodes.
_TANH = (-0.33333329, 0.1333277, -0.05385091, 0.02099718, -0.00609671)
_NORMAL = (
    0.10540318, -0.18586836, 0.1258566, -0.062516605, 0.019961229, -0.0019962141, -0.0013208532,
    0.00043573709, 0.00011301274, -6.0621846e-05, -1.4977286e-05, 6.0681899e-06, 1.8085482e-06,
)  # fmt: skip
_LOGARITHM = tuple(2 / (2 * k + 1) for k in range(8))  # the next term is below 1e-8 of the sum
_CUBE = hl.f32(0.044715)
_STEEP = hl.f32(math.sqrt(8 / math.pi))


def sigmoid(Z: hl.Expr) -> hl.Expr:
    small = hl.exp(-hl.abs(Z))  # at most 1, so nothing overflows
    return hl.select(Z < ZERO, small, ONE) / (ONE + small)


def tanh(Z: hl.Expr) -> hl.Expr:
    near = Z + _cubed(Z)
    return hl.select(hl.abs(Z) < hl.f32(0.625), near, _far(Z))  # (1)


def tanhshrink(Z: hl.Expr) -> hl.Expr:
    return hl.select(hl.abs(Z) < hl.f32(0.625), -_cubed(Z), Z - _far(Z))


def tanhshrink_slope(Z: hl.Expr) -> hl.Expr:
    return tanh(Z) * tanh(Z)


def exponential_less_one(x: hl.Expr) -> hl.Expr:
    """For x ≤ 0."""
    t = tanh(x * HALF)
    return TWO * t / (ONE - t)  # (2)


def gelu(Z: hl.Expr) -> hl.Expr:
    return Z * _normal(Z)


def gelu_slope(Z: hl.Expr) -> hl.Expr:
    density = hl.exp(-Z * Z * HALF) * hl.f32(1 / math.sqrt(2 * math.pi))
    return _normal(Z) + Z * density


def gelu_tanh(Z: hl.Expr) -> hl.Expr:
    return Z * sigmoid(_inner(Z))


def gelu_tanh_slope(Z: hl.Expr) -> hl.Expr:
    gate, rest = sigmoid(_inner(Z)), sigmoid(-_inner(Z))
    steep = _STEEP * (ONE + hl.f32(3.0) * _CUBE * Z * Z)
    return gate + Z * hl.select(gate * rest <= ZERO, ZERO, steep * gate * rest)


def silu(Z: hl.Expr) -> hl.Expr:
    return Z * sigmoid(Z)


def silu_slope(Z: hl.Expr) -> hl.Expr:
    return sigmoid(Z) * (ONE + Z * sigmoid(-Z))


def mish(Z: hl.Expr) -> hl.Expr:
    above, rest = _parts(Z)
    return Z * (above / (above + rest))


def mish_slope(Z: hl.Expr) -> hl.Expr:
    above, rest = _parts(Z)
    gate = above / (above + rest)
    return gate + Z * sigmoid(Z) * (rest / (above + rest)) * (ONE + gate)


def softplus(Z: hl.Expr, beta: hl.Expr, threshold: hl.Expr) -> hl.Expr:
    s = beta * Z
    small = hl.exp(-hl.abs(s))
    w = small / (TWO + small)
    soft = (hl.max(s, ZERO) + w * _polynomial(_LOGARITHM, w * w)) / beta  # (3)
    return hl.select(s > threshold, Z, soft)


def softplus_slope(Z: hl.Expr, beta: hl.Expr, threshold: hl.Expr) -> hl.Expr:
    return hl.select(beta * Z > threshold, ONE, sigmoid(beta * Z))


def softsign(Z: hl.Expr) -> hl.Expr:
    return Z / (ONE + hl.abs(Z))


def softsign_slope(Z: hl.Expr) -> hl.Expr:
    return ONE / ((ONE + hl.abs(Z)) * (ONE + hl.abs(Z)))


def _polynomial(coefficients: tuple[float, ...], x: hl.Expr) -> hl.Expr:
    value = hl.f32(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + hl.f32(coefficient)
    return value


def _cubed(Z: hl.Expr) -> hl.Expr:
    """tanh(Z) − Z near 0."""
    return Z * (Z * Z) * _polynomial(_TANH, Z * Z)


def _far(Z: hl.Expr) -> hl.Expr:
    """tanh(Z) away from 0, where the difference does not cancel."""
    small = hl.exp(hl.f32(-2.0) * hl.abs(Z))
    far = (ONE - small) / (ONE + small)
    return hl.select(Z < ZERO, -far, far)


def _normal(Z: hl.Expr) -> hl.Expr:
    """Φ(Z)"""
    x = hl.abs(Z) * hl.f32(math.sqrt(0.5))
    tail = hl.exp(-Z * Z * HALF) * _polynomial(_NORMAL, ONE - hl.f32(5.0) / (x + hl.f32(2.5)))  # (4)
    return hl.select(Z < ZERO, tail, ONE - tail)


def _inner(Z: hl.Expr) -> hl.Expr:
    return _STEEP * Z * (ONE + _CUBE * Z * Z)


def _parts(Z: hl.Expr) -> tuple[hl.Expr, hl.Expr]:
    e, below = hl.exp(-hl.abs(Z)), Z < ZERO
    return hl.select(below, e * (e + TWO), ONE + TWO * e), hl.select(below, TWO, TWO * e * e)

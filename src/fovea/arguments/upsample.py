"""Upsampling."""

from fovea.arguments.arrays import Volume, floats, volume
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair, pair

UPSAMPLING = ("nearest", "bilinear")


def upsample(A_prev: Volume, factor: int | Pair, mode: str, who: str = "upsample2d") -> Pair:
    """A_prev (N, H, W, C); returns `factor` as a pair."""
    floats(who, A_prev=A_prev)
    volume(who, "A_prev", A_prev, "C")
    if mode not in UPSAMPLING:
        raise ShapeError(mismatch(f"{who}: mode", " or ".join(map(repr, UPSAMPLING)), repr(mode)))
    return pair(factor, who, "factor")


def upsample_backward(dA: Volume, factor: int | Pair, mode: str, who: str = "upsample2d_backward") -> Pair:
    """dA (N, f_H · H, f_W · W, C); returns `factor` as a pair."""
    floats(who, dA=dA)
    volume(who, "dA", dA, "C")
    factors = upsample(dA, factor, mode, who)
    if dA.shape[1] % factors[0] or dA.shape[2] % factors[1]:
        expected = f"dA (N, H, W, C) with H and W multiples of {factors[0]} and {factors[1]}"
        raise ShapeError(mismatch(who, expected, dA.shape, "dA has the shape of upsample2d's output"))
    return factors

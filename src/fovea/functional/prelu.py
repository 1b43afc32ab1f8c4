"""ReLU with slopes that are learned."""

from fovea.arguments import Array, Vector
from fovea.functional.engines import operations


def prelu(Z: Array, slope: Vector) -> Array:
    """Z where it is positive, else slope · Z, of the shape of Z (N, H, W, C) or (N, C); slope (C,)."""
    return operations("prelu").prelu(Z, slope)


def prelu_backward(dA: Array, Z: Array, slope: Vector) -> tuple[Array, Vector]:
    """dZ, and dslope (C,) = Σ dA · Z where Z ≤ 0."""
    return operations("prelu").prelu_backward(dA, Z, slope)

"""PReLU: ReLU with a learned slope per channel.

    A = Z where Z > 0, else slope[c] · Z                                                                  (1)
    dZ = dA where Z > 0, else slope[c] · dA,   dslope[c] = Σ dA · Z where Z ≤ 0                           (2)

The sum, in float64, is over pictures and pixels. He, Zhang, Ren, Sun: Delving deep into rectifiers (2015).
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array, Vector
from fovea.reference.quiet import quietly


@quietly
def prelu(Z: Array, slope: Vector) -> Array:
    """Z where it is positive, else slope · Z, of the shape of Z (N, H, W, C) or (N, C); slope (C,)."""
    arguments.prelu(Z, slope)
    return np.where(Z > 0, Z, Z * slope)  # (1)


@quietly
def prelu_backward(dA: Array, Z: Array, slope: Vector) -> tuple[Array, Vector]:
    """dZ, and dslope (C,) = Σ dA · Z where Z ≤ 0."""
    arguments.prelu(Z, slope, "prelu_backward")
    arguments.same_shape("prelu_backward", Z=Z, dA=dA)
    terms = np.where(Z > 0, np.zeros((), Z.dtype), dA * Z).reshape(-1, Z.shape[-1])
    return np.where(Z > 0, dA, dA * slope), terms.sum(axis=0, dtype=np.float64).astype(Z.dtype)  # (2)

"""Every channel, scaled and shifted by learned numbers.

    Z = γ · A_prev + β                                                                                     (1)
    dA_prev = γ · dZ,   dγ = Σ dZ · A_prev,   dβ = Σ dZ                                                    (2)

The sums, in float64, are over all axes except the last, the channels: (N, H, W, C) or (N, n).
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array, Vector
from fovea.reference.quiet import quietly


@quietly
def affine(A_prev: Array, gamma: Vector, beta: Vector | None) -> Array:
    """Z = gamma · A_prev + beta, of the shape of A_prev: (N, H, W, C) or (N, C). gamma and beta are (C,);
    beta may be None."""
    arguments.affine(A_prev, gamma, beta)
    return A_prev * gamma if beta is None else A_prev * gamma + beta  # (1)


@quietly
def affine_backward(dZ: Array, A_prev: Array, gamma: Vector) -> tuple[Array, Vector, Vector]:
    """dA_prev, dgamma (C,) and dbeta (C,), from dZ of the shape of A_prev."""
    arguments.affine_backward(dZ, A_prev, gamma)
    dgamma, dbeta = (
        term.reshape(-1, len(gamma)).sum(axis=0, dtype=np.float64).astype(dZ.dtype)
        for term in (dZ * A_prev, dZ)
    )
    return dZ * gamma, dgamma, dbeta  # (2)

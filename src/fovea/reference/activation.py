"""Activations, and the softmax that turns logits into probabilities.

    relu:     A = max(Z, 0)                                                                          (1)
              dZ = 0 where Z ≤ 0, else dA                                                            (2)
    softmax:  A[n, c] = exp(Z[n, c] − m) / Σ_k exp(Z[n, k] − m),   m = max_k Z[n, k]                 (3)

The maximum m changes nothing in (3) but keeps every exponent at or below zero: nothing overflows.
"""

import numpy as np

from fovea import checks
from fovea.checks import Array, Rows
from fovea.reference.quiet import quietly


def relu(Z: Array) -> Array:
    """A, of the shape of Z; a NaN stays one."""
    checks.floats("relu", Z=Z)
    return np.maximum(Z, 0)  # (1)


def relu_backward(dA: Array, Z: Array) -> Array:
    """dZ, of the shape of Z; where Z is NaN, dA passes, so that the fault stays visible."""
    checks.same_shape("relu_backward", Z=Z, dA=dA)
    return np.where(Z <= 0, np.zeros((), Z.dtype), dA)  # (2)


@quietly
def softmax(Z: Rows) -> Rows:
    """A (N, classes): rows of probabilities. A row with NaN or +∞, or of −∞ alone, is NaN throughout."""
    checks.logits(Z)
    A = np.exp(Z - Z.max(axis=1, keepdims=True))
    A /= A.sum(axis=1, keepdims=True)  # (3)
    return A

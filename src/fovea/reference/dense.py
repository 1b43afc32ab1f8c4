"""The fully connected layer: every output depends on every input.

    Z = A_prev · W + b                                                                               (1)

    dA_prev = dZ · Wᵀ                                                                                (2)
    dW = A_prevᵀ · dZ                                                                                (3)
    db = Σ_n dZ[n]                                                                                   (4)

N examples; n_in inputs, n_out outputs.
"""

from collections.abc import Callable
from functools import partial

from fovea import arguments
from fovea.arguments import Matrix, Rows, Vector
from fovea.reference.quiet import quietly

Forward = Callable[[Matrix, Vector | None], Rows]
Backward = Callable[[Rows], tuple[Matrix, Vector]]


@quietly
def dense(A_prev: Rows, W: Matrix, b: Vector | None) -> Rows:
    """Z (N, n_out) = A_prev (N, n_in) · W (n_in, n_out) + b (n_out,); b may be None."""
    arguments.dense(A_prev, W, b)
    Z = A_prev @ W  # (1)
    if b is not None:
        Z += b  # (1)
    return Z


@quietly
def dense_backward(dZ: Rows, A_prev: Rows, W: Matrix) -> tuple[Rows, Matrix, Vector]:
    """dA_prev, dW and db (n_out,), from dZ (N, n_out) and the arguments of `dense`."""
    arguments.dense_backward(dZ, A_prev, W)
    dA_prev = dZ @ W.T  # (2)
    dW = A_prev.T @ dZ  # (3)
    db = dZ.sum(axis=0)  # (4)
    return dA_prev, dW, db


def dense_of(A_prev: Rows) -> tuple[Forward, Backward]:
    """(W, b) → Z of `dense`, and dZ → (dW, db) of `dense_backward`, for inputs A_prev that do not change."""

    @quietly
    def backward(dZ: Rows) -> tuple[Matrix, Vector]:
        return A_prev.T @ dZ, dZ.sum(axis=0)  # (3), (4)

    return partial(dense, A_prev), backward

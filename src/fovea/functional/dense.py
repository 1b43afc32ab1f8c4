"""The fully connected layer."""

from fovea.arguments import Matrix, Rows, Vector
from fovea.functional.engines import operations


def dense(A_prev: Rows, W: Matrix, b: Vector | None) -> Rows:
    """Z (N, n_out) = A_prev (N, n_in) · W (n_in, n_out) + b (n_out,), or without b where it is None."""
    return operations("dense").dense(A_prev, W, b)


def dense_backward(dZ: Rows, A_prev: Rows, W: Matrix) -> tuple[Rows, Matrix, Vector]:
    """dA_prev, dW and db (n_out,), from dZ (N, n_out) and what `dense` was given."""
    return operations("dense").dense_backward(dZ, A_prev, W)

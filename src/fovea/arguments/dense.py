"""The fully connected layer."""

from fovea.arguments.arrays import Matrix, Rows, Vector, floats, given, plain, shape_of


def dense(A_prev: Rows, W: Matrix, b: Vector | None, who: str = "dense") -> None:
    """A_prev (N, n_in), W (n_in, n_out), b (n_out,) or None."""
    plain(who, A_prev, "A_prev")
    floats(who, W=W, A_prev=A_prev, **given(b=b))
    shape_of(who, "W", W, ("n_in", "n_out"), "weights are a matrix")
    flatten = "flatten it with A_prev.reshape(len(A_prev), -1)" if A_prev.ndim > 2 else f"W is {W.shape}"
    shape_of(who, "A_prev", A_prev, ("N", W.shape[0]), flatten)
    if b is not None:
        shape_of(who, "b", b, W.shape[1:], "one bias for each unit")


def dense_backward(dZ: Rows, A_prev: Rows, W: Matrix, who: str = "dense_backward") -> None:
    """As `dense`, and dZ (N, n_out)."""
    dense(A_prev, W, None, who)
    floats(who, A_prev=A_prev, dZ=dZ)
    shape_of(who, "dZ", dZ, (len(A_prev), W.shape[1]), "dZ has the shape of dense's output")

"""Scale and shift of channels."""

from fovea.arguments.arrays import Array, Vector, channels_last, floats, given, same_shape, shape_of


def affine(A_prev: Array, gamma: Vector, beta: Vector | None, who: str = "affine") -> None:
    """A_prev (N, H, W, C) or (N, C), gamma (C,), beta (C,) or None."""
    vectors = {"gamma": gamma, **given(beta=beta)}
    floats(who, A_prev=A_prev, **vectors)
    channels_last(who, A_prev)
    for name, vector in vectors.items():
        shape_of(who, name, vector, (A_prev.shape[-1],), "one number for each channel")


def affine_backward(dZ: Array, A_prev: Array, gamma: Vector, who: str = "affine_backward") -> None:
    """As `affine`, and dZ of the shape of A_prev."""
    affine(A_prev, gamma, None, who)
    same_shape(who, A_prev=A_prev, dZ=dZ)

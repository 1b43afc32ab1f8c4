"""Gram matrices."""

from fovea.arguments.arrays import Array, Volume, floats, shape_of, volume


def gram(A: Volume, who: str = "gram") -> None:
    """A (N, H, W, C)."""
    floats(who, A=A)
    volume(who, "A", A, "C")


def gram_backward(dG: Array, A: Volume, out: Volume | None = None, who: str = "gram_backward") -> None:
    """dG (N, C, C), A (N, H, W, C), and `out` in the shape of A."""
    gram(A, who)
    floats(who, A=A, dG=dG)
    shape_of(who, "dG", dG, (len(A), A.shape[3], A.shape[3]), "dG has the shape of gram's output")
    if out is not None:
        floats(who, A=A, out=out)
        shape_of(who, "out", out, A.shape, "out has the shape of A")

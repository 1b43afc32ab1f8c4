"""What an optimizer steps on."""

from fovea.arguments.arrays import Vector, same_shape, shape_of
from fovea.errors import ShapeError, mismatch


def optimizer(who: str, *, dw: Vector, step: int = 1, **state: Vector) -> None:
    """Flat arrays of one length; those in `state` (the weights first) are written in place."""
    same_shape(who, **state, dw=dw)
    for name, array in state.items():
        shape_of(who, name, array, ("n",), "flat arrays: a view from .reshape(-1) is written through")
        if not (array.flags.writeable and array.flags.c_contiguous):
            got = "a strided view" if array.flags.writeable else "a read-only array"
            raise ShapeError(mismatch(who, f"{name} to be written in place", got, "give a contiguous array"))
    if step < 1:
        raise ShapeError(mismatch(who, "step counted from 1", step))

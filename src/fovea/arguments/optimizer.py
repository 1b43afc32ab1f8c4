"""Arguments of the optimizers' steps."""

from fovea.arguments.arrays import Vector, same_shape, shape_of
from fovea.arguments.scalars import numbers, share, truth
from fovea.errors import ShapeError, mismatch
from fovea.ranges import whole


def sgd(rate: float, momentum: float, weight_decay: float, nesterov: bool) -> None:
    """The options of a step of SGD: finite numbers, and True or False."""
    numbers("sgd", rate=rate, momentum=momentum, weight_decay=weight_decay)
    truth(nesterov, "sgd: nesterov")


def adam(rate: float, beta1: float, beta2: float, epsilon: float, weight_decay: float, step: int) -> None:
    """The options of a step of Adam: finite numbers, the betas from 0 to below 1, `step` counted from 1."""
    numbers("adam", rate=rate, epsilon=epsilon, weight_decay=weight_decay)
    share(beta1, "adam: beta1")
    share(beta2, "adam: beta2")
    whole(step, "adam", "step")


def optimizer(who: str, *, dw: Vector, **state: Vector) -> None:
    """Flat arrays of equal length; those in `state` (the weights first) are updated in place."""
    same_shape(who, **state, dw=dw)
    for name, array in state.items():
        shape_of(who, name, array, ("n",), "flat arrays: a view from .reshape(-1) is written through")
        if not (array.flags.writeable and array.flags.c_contiguous):
            got = "a strided view" if array.flags.writeable else "a read-only array"
            raise ShapeError(mismatch(who, f"{name} to be written in place", got, "give a contiguous array"))

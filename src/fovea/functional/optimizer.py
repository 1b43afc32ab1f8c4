"""The optimizers' steps, in place."""

from fovea.arguments import Vector
from fovea.functional.engines import operations


def sgd(
    w: Vector,
    dw: Vector,
    velocity: Vector,
    *,
    rate: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool = False,
) -> None:
    """One step of stochastic gradient descent: updates w and velocity, which begins with zeros, in place.

    All are flat arrays of one length. PyTorch's rule: the velocity is not multiplied by the rate. `nesterov`
    takes the gradient's step beyond the velocity's.
    """
    operations("optimizer").sgd(
        w, dw, velocity, rate=rate, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )


def adam(
    w: Vector,
    dw: Vector,
    m: Vector,
    v: Vector,
    *,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    step: int,
) -> None:
    """One step of Adam: updates w and the moments m and v, which begin with zeros, in place.

    All are flat arrays of one length; `step` counts from 1; `weight_decay` adds to the gradient (L2).
    """
    operations("optimizer").adam(
        w,
        dw,
        m,
        v,
        rate=rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
        weight_decay=weight_decay,
        step=step,
    )

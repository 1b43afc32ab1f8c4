"""The optimizers' updates, in place on flat arrays, by PyTorch's rules.

    g = dw + weight_decay · w                                                                        (1)

    SGD:   velocity ← momentum · velocity + g                                                        (2)
           w ← w − rate · velocity                                                                   (3)
           w ← w − rate · (g + momentum · velocity)    with Nesterov's momentum                     (3')

    Adam:  m ← β₁ · m + (1 − β₁) · g                                                                 (4)
           v ← β₂ · v + (1 − β₂) · g²                                                                (5)
           w ← w − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)                                      (6)

t is `step`, counted from 1. Sources: I. Sutskever et al., "On the importance of initialization and momentum
in deep learning", ICML 2013, with the rate outside the velocity; D. Kingma and J. Ba, "Adam: a method for
stochastic optimization", arXiv:1412.6980.
"""

from math import sqrt

import numpy as np

from fovea import arguments
from fovea.arguments import Vector
from fovea.reference.quiet import quietly


@quietly
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
    """One step of stochastic gradient descent: updates w and velocity, initially zero, in place.

    All are flat arrays of one length. As in PyTorch, the velocity does not contain the rate. `nesterov` steps
    along the gradient and the updated velocity (3').
    """
    arguments.sgd(rate, momentum, weight_decay, nesterov)
    arguments.optimizer("sgd", w=w, velocity=velocity, dw=dw)
    g = dw + weight_decay * w  # (1)
    velocity *= momentum
    velocity += g  # (2)
    w -= rate * (g + momentum * velocity if nesterov else velocity)  # (3), (3')


@quietly
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
    """One step of Adam: updates w and the moments m and v, initially zero, in place.

    All are flat arrays of one length; `step` counts from 1; `weight_decay` adds to the gradient (L2).
    """
    arguments.adam(rate, beta1, beta2, epsilon, weight_decay, step)
    arguments.optimizer("adam", w=w, m=m, v=v, dw=dw)
    g = dw + weight_decay * w  # (1)
    m *= beta1
    m += (1 - beta1) * g  # (4)
    v *= beta2
    v += (1 - beta2) * g * g  # (5)
    w -= rate / (1 - beta1**step) * m / (np.sqrt(v) / sqrt(1 - beta2**step) + epsilon)  # (6)

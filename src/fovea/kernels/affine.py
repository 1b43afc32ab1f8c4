"""Channels, scaled and shifted: what normalises, with mean 0, variance 1 and ε = 0, does nothing else."""

from ctypes import c_float

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers
from fovea.kernels.call import run
from fovea.kernels.normalization import seen, shape_of, vectors

NO_EPSILON = c_float(0.0)


def affine(A_prev, gamma, beta) -> np.ndarray:
    """As `fovea.reference.affine`."""
    arguments.affine(A_prev, gamma, beta)
    arguments.float32("affine", A_prev=A_prev, gamma=gamma, beta=beta)
    if not len(A_prev):
        return reference.affine(A_prev, gamma, beta)
    Z = buffers.empty(A_prev.shape)
    inputs = [seen(A_prev), *neutral(len(gamma)), gamma, np.zeros_like(gamma) if beta is None else beta]
    run("normalization.normalise", inputs, [seen(Z)], [NO_EPSILON], **shape_of(A_prev), activation="", add=0)
    return Z


def affine_backward(dZ, A_prev, gamma) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `fovea.reference.affine_backward`."""
    arguments.affine_backward(dZ, A_prev, gamma)
    arguments.float32("affine_backward", dZ=dZ, A_prev=A_prev, gamma=gamma)
    if not len(A_prev):
        return reference.affine_backward(dZ, A_prev, gamma)
    dA_prev, (dgamma, dbeta) = buffers.empty(A_prev.shape), vectors(A_prev, 2)
    scale = [*neutral(len(gamma)), gamma, gamma]  # beta, the last one, plays no part
    how, numbers = {**shape_of(A_prev), "activation": "", "kept": ""}, [NO_EPSILON]
    run("normalization.gradients", [seen(dZ), seen(A_prev), *scale], [dgamma, dbeta], numbers, **how)
    inputs = [seen(dZ), seen(A_prev), dgamma, dbeta, *scale]
    run("normalization.inputs", inputs, [seen(dA_prev)], numbers, **how, gives=("dZ",), of_batch=False)
    return dA_prev, dgamma, dbeta


def neutral(C: int) -> list[np.ndarray]:
    """Mean and variance that change nothing."""
    mean, variance = buffers.zeros((C,)), buffers.zeros((C,))
    variance[...] = 1
    return [mean, variance]

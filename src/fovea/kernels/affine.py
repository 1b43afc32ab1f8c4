"""Channels, scaled and shifted: batch normalisation with mean 0, variance 1 and ε = 0."""

from ctypes import c_float

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers
from fovea.kernels.normalization import gradients, normalise


def affine(A_prev, gamma, beta) -> np.ndarray:
    """As `fovea.reference.affine`."""
    arguments.affine(A_prev, gamma, beta)
    arguments.float32("affine", A_prev=A_prev, gamma=gamma, beta=beta)
    if not len(A_prev):
        return reference.affine(A_prev, gamma, beta)
    Z = buffers.empty(A_prev.shape)
    scale = {**neutral(len(gamma)), "gamma": gamma, "beta": np.zeros_like(gamma) if beta is None else beta}
    normalise(A_prev, Z, {**scale, "epsilon": c_float(0.0)})
    return Z


def affine_backward(dZ, A_prev, gamma) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `fovea.reference.affine_backward`."""
    arguments.affine_backward(dZ, A_prev, gamma)
    arguments.float32("affine_backward", dZ=dZ, A_prev=A_prev, gamma=gamma)
    if not len(A_prev):
        return reference.affine_backward(dZ, A_prev, gamma)
    scale = {**neutral(len(gamma)), "gamma": gamma, "epsilon": c_float(0.0)}
    return gradients(dZ, A_prev, scale, of_batch=False)


def neutral(C: int) -> dict[str, np.ndarray]:
    """A mean of 0 and a variance of 1, which change nothing."""
    mean, variance = buffers.zeros((C,)), buffers.zeros((C,))
    variance[...] = 1
    return {"mean": mean, "variance": variance}

"""Batch normalisation of NHWC arrays; the pipelines are in pipelines/normalization.py."""

from ctypes import c_float

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def batch_statistics(A_prev) -> tuple[np.ndarray, np.ndarray]:
    """As `fovea.reference.batch_statistics`."""
    arguments.batch_statistics(A_prev)
    arguments.float32("batch_statistics", A_prev=A_prev)
    mean, variance = vectors(A_prev, 2)
    run("normalization.statistics", [seen(A_prev)], [mean, variance], **shape_of(A_prev), running=False)
    return mean, variance


def batch_norm(A_prev, mean, variance, gamma, beta, *, epsilon: float = 1e-5) -> np.ndarray:
    """As `fovea.reference.batch_norm`."""
    arguments.batch_norm(A_prev, mean, variance, gamma, beta, epsilon)
    arguments.float32("batch_norm", A_prev=A_prev, mean=mean, variance=variance, gamma=gamma, beta=beta)
    if not len(A_prev):
        return reference.batch_norm(A_prev, mean, variance, gamma, beta, epsilon=epsilon)
    Z = buffers.empty(A_prev.shape)
    inputs = [seen(A_prev), mean, variance, gamma, beta]
    how = {**shape_of(A_prev), "activation": "", "add": 0}
    run("normalization.normalise", inputs, [seen(Z)], [c_float(epsilon)], **how)
    return Z


def batch_norm_backward(
    dZ, A_prev, mean, variance, gamma, *, epsilon: float = 1e-5, of_batch: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `fovea.reference.batch_norm_backward`."""
    arguments.batch_norm_backward(dZ, A_prev, mean, variance, gamma, epsilon, of_batch)
    arguments.float32("batch_norm_backward", dZ=dZ, A_prev=A_prev, mean=mean, variance=variance, gamma=gamma)
    if not len(A_prev):
        return reference.batch_norm_backward(
            dZ, A_prev, mean, variance, gamma, epsilon=epsilon, of_batch=of_batch
        )
    dA_prev, (dgamma, dbeta) = buffers.empty(A_prev.shape), vectors(A_prev, 2)
    scale = [mean, variance, gamma, gamma]  # beta, the last one, plays no part without ReLU
    how, numbers = {**shape_of(A_prev), "activation": "", "kept": ""}, [c_float(epsilon)]
    run("normalization.gradients", [seen(dZ), seen(A_prev), *scale], [dgamma, dbeta], numbers, **how)
    inputs = [seen(dZ), seen(A_prev), dgamma, dbeta, *scale]
    run("normalization.inputs", inputs, [seen(dA_prev)], numbers, **how, gives=("dZ",), of_batch=of_batch)
    return dA_prev, dgamma, dbeta


def shape_of(A: np.ndarray) -> dict[str, int]:
    """How the kernels are specialised: (N, C) are pictures of one pixel."""
    C = A.shape[-1]
    return {"channels": C, "pixels": A[0].size // C, "lanes": 1, "vector": tiles.vector()}


def seen(A: np.ndarray) -> np.ndarray:
    """(N, H·W, C, 1)"""
    return A.reshape(len(A), -1, A.shape[-1], 1)


def vectors(A: np.ndarray, count: int) -> list[np.ndarray]:
    return [buffers.empty((A.shape[-1],)) for _ in range(count)]

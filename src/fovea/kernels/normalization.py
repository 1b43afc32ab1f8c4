"""Batch normalisation of NHWC arrays; the pipelines are in pipelines/normalization.py."""

from ctypes import c_float
from typing import Any

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def batch_statistics(A_prev) -> tuple[np.ndarray, np.ndarray]:
    """As `fovea.reference.batch_statistics`."""
    arguments.batch_statistics(A_prev)
    arguments.float32("batch_statistics", A_prev=A_prev)
    mean, variance = _vectors(A_prev, 2)
    results = {"mean": mean, "variance": variance}
    run("normalization.statistics", {"Z": _flat(A_prev)}, results, **_shape(A_prev), running=False)
    return mean, variance


def batch_norm(A_prev, mean, variance, gamma, beta, *, epsilon: float = 1e-5) -> np.ndarray:
    """As `fovea.reference.batch_norm`."""
    arguments.batch_norm(A_prev, mean, variance, gamma, beta, epsilon)
    arguments.float32("batch_norm", A_prev=A_prev, mean=mean, variance=variance, gamma=gamma, beta=beta)
    if not len(A_prev):
        return reference.batch_norm(A_prev, mean, variance, gamma, beta, epsilon=epsilon)
    Z = buffers.empty(A_prev.shape)
    scale = {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta}
    normalise(A_prev, Z, {**scale, "epsilon": c_float(epsilon)})
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
    scale = {"mean": mean, "variance": variance, "gamma": gamma, "epsilon": c_float(epsilon)}
    return gradients(dZ, A_prev, scale, of_batch)


def normalise(Z: np.ndarray, A: np.ndarray, scale: dict[str, Any]) -> None:
    """A of Z; `scale` has mean, variance, gamma, beta and epsilon."""
    inputs, settings = {"Z": _flat(Z), **scale}, {**_shape(Z), "activation": "", "add": 0}
    run("normalization.normalise", inputs, {"A": _flat(A)}, **settings)


def gradients(
    dA: np.ndarray, Z: np.ndarray, scale: dict[str, Any], of_batch: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dZ, dgamma and dbeta; `scale` has mean, variance, gamma and epsilon."""
    dZ, (dgamma, dbeta) = buffers.empty(Z.shape), _vectors(Z, 2)
    # Without an activation, the kernels do not use beta.
    given = {"dA": _flat(dA), "Z": _flat(Z), **scale, "beta": scale["gamma"]}
    sums, settings = {"dgamma": dgamma, "dbeta": dbeta}, {**_shape(Z), "activation": "", "kept": ""}
    run("normalization.gradients", given, sums, **settings)
    settings |= {"gives": ("dZ",), "of_batch": of_batch}
    run("normalization.inputs", given | (sums if of_batch else {}), {"dZ": _flat(dZ)}, **settings)
    return dZ, dgamma, dbeta


def _shape(A: np.ndarray) -> dict[str, int]:
    """The kernels' arguments; (N, C) counts as pictures of one pixel."""
    C = A.shape[-1]
    return {"channels": C, "pixels": A[0].size // C, "lanes": 1, "vector": tiles.vector()}


def _flat(A: np.ndarray) -> np.ndarray:
    """(N, H·W, C, 1)"""
    return A.reshape(len(A), -1, A.shape[-1], 1)


def _vectors(A: np.ndarray, count: int) -> list[np.ndarray]:
    return [buffers.empty((A.shape[-1],)) for _ in range(count)]

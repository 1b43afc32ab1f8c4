"""Normalisation within each picture; the pipelines are in pipelines/grouped.py."""

from ctypes import c_float
from math import lcm

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def group_norm(A_prev, gamma, beta, groups: int, *, epsilon: float = 1e-5) -> np.ndarray:
    """As `fovea.reference.group_norm`."""
    arguments.group_norm(A_prev, gamma, beta, groups, epsilon)
    return _forward("group_norm", A_prev, gamma, beta, groups, epsilon)


def group_norm_backward(dZ, A_prev, gamma, groups: int, *, epsilon: float = 1e-5):
    """As `fovea.reference.group_norm_backward`."""
    arguments.group_norm_backward(dZ, A_prev, gamma, groups, epsilon)
    return _backward("group_norm_backward", dZ, A_prev, gamma, groups, epsilon)


def layer_norm(A_prev, gamma, beta, *, epsilon: float = 1e-5) -> np.ndarray:
    """As `fovea.reference.layer_norm`."""
    arguments.group_norm(A_prev, gamma, beta, 1, epsilon, "layer_norm")
    return _forward("layer_norm", A_prev, gamma, beta, None, epsilon)


def layer_norm_backward(dZ, A_prev, gamma, *, epsilon: float = 1e-5):
    """As `fovea.reference.layer_norm_backward`."""
    arguments.group_norm_backward(dZ, A_prev, gamma, 1, epsilon, "layer_norm_backward")
    return _backward("layer_norm_backward", dZ, A_prev, gamma, None, epsilon)


def shape(input_shape: tuple[int, ...], groups: int | None) -> dict[str, object]:
    """The kernels' arguments; without `groups`, every pixel is normalised separately."""
    C, pixels = input_shape[-1], int(np.prod(input_shape[:-1]))
    return {"channels": C, "pixels": pixels, "groups": groups, "vector": tiles.vector()}


def beside(channels: int, pixels: int, groups: int | None) -> int:
    """The number of neighbouring pixels that count as one, so that the channels fill vectors, where each is
    normalised by itself."""
    count = lcm(channels, tiles.vector()) // channels
    return count if groups == channels and pixels % count == 0 else 1


def _forward(who: str, A_prev, gamma, beta, groups: int | None, epsilon: float) -> np.ndarray:
    arguments.float32(who, A_prev=A_prev, gamma=gamma, beta=beta)
    if not len(A_prev):
        return np.zeros(A_prev.shape, np.float32)
    Z = buffers.empty(A_prev.shape)
    settings = shape(A_prev.shape[1:], groups)
    pixels, C = A_prev[0].size // A_prev.shape[-1], A_prev.shape[-1]
    settings["beside"] = count = beside(C, pixels, groups)
    seen, target = (A.reshape(len(A), pixels // count, C * count, 1) for A in (A_prev, Z))
    inputs = {"Z": seen, "gamma": gamma, "beta": beta, "epsilon": c_float(epsilon)}
    run("grouped.normalise", inputs, {"A": target}, **settings)
    return Z


def _backward(who: str, dZ, A_prev, gamma, groups: int | None, epsilon: float):
    arguments.float32(who, dZ=dZ, A_prev=A_prev, gamma=gamma)
    if not len(A_prev):
        return reference.group_norm_backward(dZ, A_prev, gamma, groups or 1, epsilon=epsilon)
    dA_prev, dgamma, dbeta = (buffers.empty(s) for s in (A_prev.shape, gamma.shape, gamma.shape))
    settings = shape(A_prev.shape[1:], groups)
    given = {"dA": _flat(dZ), "Z": _flat(A_prev), "epsilon": c_float(epsilon)}
    run("grouped.gradients", given, {"dgamma": dgamma, "dbeta": dbeta}, **settings)
    run("grouped.inputs", {**given, "gamma": gamma}, {"dZ": _flat(dA_prev)}, **settings)
    return dA_prev, dgamma, dbeta


def _flat(A: np.ndarray) -> np.ndarray:
    """(N, H·W, C, 1)"""
    C = A.shape[-1]
    return A.reshape(len(A), A[:1].size // C, C, 1)

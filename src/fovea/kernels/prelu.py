"""PReLU, ReLU with learned slopes; the pipelines are in pipelines/prelu.py."""

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def prelu(Z, slope) -> np.ndarray:
    """As `fovea.reference.prelu`."""
    arguments.prelu(Z, slope)
    arguments.float32("prelu", Z=Z, slope=slope)
    if not len(Z):
        return reference.prelu(Z, slope)
    A = buffers.empty(Z.shape)
    run("prelu.forward", {"Z": _flat(Z), "slope": slope}, {"A": _flat(A)}, **_shape(Z))
    return A


def prelu_backward(dA, Z, slope) -> tuple[np.ndarray, np.ndarray]:
    """As `fovea.reference.prelu_backward`."""
    arguments.prelu(Z, slope, "prelu_backward")
    arguments.same_shape("prelu_backward", Z=Z, dA=dA)
    arguments.float32("prelu_backward", dA=dA, Z=Z, slope=slope)
    if not len(Z):
        return reference.prelu_backward(dA, Z, slope)
    dZ, dslope = buffers.empty(Z.shape), buffers.empty(slope.shape)
    given = {"dA": _flat(dA), "Z": _flat(Z)}
    run("prelu.inputs", {**given, "slope": slope}, {"dZ": _flat(dZ)}, **_shape(Z))
    run("prelu.gradients", given, {"dslope": dslope}, **_shape(Z))
    return dZ, dslope


def _shape(A: np.ndarray) -> dict[str, int]:
    C = A.shape[-1]
    return {"channels": C, "pixels": A[0].size // C, "vector": tiles.vector()}


def _flat(A: np.ndarray) -> np.ndarray:
    """(N, H·W, C, 1)"""
    C = A.shape[-1]
    return A.reshape(len(A), A[0].size // C, C, 1)

"""Activations of arrays; the pipelines are in pipelines/elementwise.py and classes.py."""

import numpy as np

from fovea import checks, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import pack, run, unpack


def relu(Z) -> np.ndarray:
    """As `fovea.reference.relu`."""
    checks.same_shape("relu", Z=Z)
    checks.float32("relu", Z=Z)
    A = buffers.empty(Z.shape)
    run("elementwise.relu", [Z.reshape(1, -1)], [A.reshape(1, -1)], vector=tiles.vector())
    return A


def relu_backward(dA, Z) -> np.ndarray:
    """As `fovea.reference.relu_backward`."""
    checks.same_shape("relu_backward", Z=Z, dA=dA)
    checks.float32("relu_backward", dA=dA, Z=Z)
    dZ = buffers.empty(Z.shape)
    run(
        "elementwise.relu_backward",
        [dA.reshape(1, -1), Z.reshape(1, -1)],
        [dZ.reshape(1, -1)],
        vector=tiles.vector(),
    )
    return dZ


def softmax(Z) -> np.ndarray:
    """As `fovea.reference.softmax`."""
    checks.logits(Z)
    checks.float32("softmax", Z=Z)
    if not len(Z):
        return reference.softmax(Z)
    packed = pack(Z)
    Y = buffers.empty(packed.shape)
    run("classes.softmax", [packed], [Y], classes=Z.shape[1], lanes=tiles.vector())
    return unpack(Y, len(Z))

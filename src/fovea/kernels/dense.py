"""Fully connected layers on (N, n) arrays; the pipelines are in pipelines/dense.py."""

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import pack, run, unpack


def dense(A_prev, W, b) -> np.ndarray:
    """As `fovea.reference.dense`."""
    arguments.dense(A_prev, W, b)
    arguments.float32("dense", A_prev=A_prev, W=W, b=b)
    if not len(A_prev):
        return reference.dense(A_prev, W, b)
    N, (J, K), L = len(A_prev), W.shape, tiles.vector()
    X = pack(A_prev)
    Z = buffers.empty((len(X), K, L))
    settings = {"n_in": J, "n_out": K, "lanes": L, "tile": tiles.dense(K), "vector": L, "bias": b is not None}
    run("dense.forward", {"A_prev": X, "W": W, "b": b}, {"A": Z}, **settings, activation="", saved=False)
    return unpack(Z, N)


def dense_backward(dZ, A_prev, W) -> tuple:
    """As `fovea.reference.dense_backward`."""
    arguments.dense_backward(dZ, A_prev, W)
    arguments.float32("dense_backward", dZ=dZ, A_prev=A_prev, W=W)
    if not len(A_prev):
        return reference.dense_backward(dZ, A_prev, W)
    N, (J, K), L = len(A_prev), W.shape, tiles.vector()
    X, G = pack(A_prev), pack(dZ)
    G = G.reshape(len(G), 1, 1, K, L)
    dX, dW, db = buffers.empty(X.shape), buffers.empty(W.shape), buffers.empty((K,))
    shape = {"n_in": J, "n_out": K, "after": "", "lanes": L, "tile": tiles.dense(J)}
    run("dense.inputs", {"dA": G, "W": W}, {"dA_prev": dX}, **shape)
    run("dense.weights", {"A_prev": X, "dA": G}, {"dW": dW, "db": db}, **shape, bias=True, vector=L)
    return unpack(dX, N), dW, db

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
    return unpack(_forward(pack(A_prev), W, b), len(A_prev))


def dense_backward(dZ, A_prev, W) -> tuple:
    """As `fovea.reference.dense_backward`."""
    arguments.dense_backward(dZ, A_prev, W)
    arguments.float32("dense_backward", dZ=dZ, A_prev=A_prev, W=W)
    if not len(A_prev):
        return reference.dense_backward(dZ, A_prev, W)
    X, G = pack(A_prev), pack(dZ)
    dX = buffers.empty(X.shape)
    run("dense.inputs", {"dA": _upstream(G), "W": W}, {"dA_prev": dX}, **_settings(X, G))
    return unpack(dX, len(A_prev)), *_weights(X, G)


def dense_of(A_prev) -> tuple:
    """As `fovea.reference.dense_of`; A_prev is packed once."""
    X, N = pack(A_prev), len(A_prev)
    return lambda W, b: unpack(_forward(X, W, b), N), lambda dZ: _weights(X, pack(dZ))


def _forward(X: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """Z, packed as X is."""
    (J, K), L = W.shape, tiles.vector()
    Z = buffers.empty((len(X), K, L))
    settings = {"n_in": J, "n_out": K, "lanes": L, "tile": tiles.dense(K), "vector": L, "bias": b is not None}
    run("dense.forward", {"A_prev": X, "W": W, "b": b}, {"A": Z}, **settings, activation="", saved=False)
    return Z


def _weights(X: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dW and db from the packed inputs and upstream gradients."""
    J, K = X.shape[1], G.shape[1]
    dW, db = buffers.empty((J, K)), buffers.empty((K,))
    inputs, settings = {"A_prev": X, "dA": _upstream(G)}, _settings(X, G)
    run("dense.weights", inputs, {"dW": dW, "db": db}, **settings, bias=True, vector=tiles.vector())
    return dW, db


def _upstream(G: np.ndarray) -> np.ndarray:
    groups, K, L = G.shape
    return G.reshape(groups, 1, 1, K, L)


def _settings(X: np.ndarray, G: np.ndarray) -> dict[str, object]:
    _, J, L = X.shape
    return {"n_in": J, "n_out": G.shape[1], "after": "", "lanes": L, "tile": tiles.dense(J)}

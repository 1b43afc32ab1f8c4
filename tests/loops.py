"""The formulas once more, as bare loops over examples, rows, columns and filters: slow, plain, in float64.

They share nothing with the package, not even its geometry: strides are (s_H, s_W), paddings (top, bottom,
left, right), and the number of positions is counted by trying.
"""

import numpy as np


def conv2d(A_prev, W, b, stride, pads):
    A_prev_pad, (n_H, n_W) = _pad(A_prev, 0.0, pads), _positions(A_prev, W.shape, stride, pads)
    Z = np.zeros((len(A_prev), n_H, n_W, W.shape[3]))
    for n, h, w, window in _windows(len(A_prev), n_H, n_W, W.shape, stride):
        a_slice = A_prev_pad[n][window]
        for c in range(W.shape[3]):
            Z[n, h, w, c] = (a_slice * W[..., c]).sum() + b[c]
    return Z


def conv2d_backward(dZ, A_prev, W, stride, pads):
    A_prev_pad, (n_H, n_W) = _pad(A_prev, 0.0, pads), _positions(A_prev, W.shape, stride, pads)
    dA_prev_pad, dW, db = np.zeros(A_prev_pad.shape), np.zeros(W.shape), np.zeros(W.shape[3])
    for n, h, w, window in _windows(len(A_prev), n_H, n_W, W.shape, stride):
        a_slice = A_prev_pad[n][window]
        for c in range(W.shape[3]):
            dA_prev_pad[n][window] += W[..., c] * dZ[n, h, w, c]
            dW[..., c] += a_slice * dZ[n, h, w, c]
            db[c] += dZ[n, h, w, c]
    return _crop(dA_prev_pad, A_prev, pads), dW, db


def max_pool2d(A_prev, size, stride, pads):
    A_prev_pad, (n_H, n_W) = _pad(A_prev, -np.inf, pads), _positions(A_prev, size, stride, pads)
    A = np.zeros((len(A_prev), n_H, n_W, A_prev.shape[3]))
    for n, h, w, window in _windows(len(A_prev), n_H, n_W, size, stride):
        for c in range(A_prev.shape[3]):
            A[n, h, w, c] = A_prev_pad[n][window][..., c].max()
    return A


def max_pool2d_backward(dA, A_prev, size, stride, pads):
    A_prev_pad, (n_H, n_W) = _pad(A_prev, -np.inf, pads), _positions(A_prev, size, stride, pads)
    dA_prev_pad = np.zeros(A_prev_pad.shape)
    for n, h, w, window in _windows(len(A_prev), n_H, n_W, size, stride):
        for c in range(A_prev.shape[3]):
            a_slice = A_prev_pad[n][window][..., c]
            first = np.unravel_index(np.argmax(a_slice), a_slice.shape)
            dA_prev_pad[n][window][..., c][first] += dA[n, h, w, c]
    return _crop(dA_prev_pad, A_prev, pads)


def average_pool2d(A_prev, size, stride, pads, count_include_pad):
    A_prev_pad, (n_H, n_W) = _pad(A_prev, 0.0, pads), _positions(A_prev, size, stride, pads)
    counted = _pad(np.ones(A_prev.shape), float(count_include_pad), pads)
    A = np.zeros((len(A_prev), n_H, n_W, A_prev.shape[3]))
    for n, h, w, window in _windows(len(A_prev), n_H, n_W, size, stride):
        for c in range(A_prev.shape[3]):
            A[n, h, w, c] = A_prev_pad[n][window][..., c].sum() / counted[n][window][..., c].sum()
    return A


def average_pool2d_backward(dA, A_prev, size, stride, pads, count_include_pad):
    counted = _pad(np.ones(A_prev.shape), float(count_include_pad), pads)
    n_H, n_W = _positions(A_prev, size, stride, pads)
    dA_prev_pad = np.zeros(counted.shape)
    for n, h, w, window in _windows(len(A_prev), n_H, n_W, size, stride):
        for c in range(A_prev.shape[3]):
            dA_prev_pad[n][window][..., c] += dA[n, h, w, c] / counted[n][window][..., c].sum()
    return _crop(dA_prev_pad, A_prev, pads)


def dense(A_prev, W, b):
    Z = np.zeros((len(A_prev), W.shape[1]))
    for n in range(len(A_prev)):
        for c in range(W.shape[1]):
            Z[n, c] = sum(float(a) * float(w) for a, w in zip(A_prev[n], W[:, c], strict=True)) + b[c]
    return Z


def dense_backward(dZ, A_prev, W):
    dA_prev, dW, db = np.zeros(A_prev.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for n in range(len(A_prev)):
        for c in range(W.shape[1]):
            dA_prev[n] += W[:, c] * dZ[n, c]
            dW[:, c] += A_prev[n] * dZ[n, c]
            db[c] += dZ[n, c]
    return dA_prev, dW, db


def softmax_cross_entropy(Z, labels):
    """The loss and its gradient."""
    loss, dZ, counted = 0.0, np.zeros(Z.shape), sum(int(y) >= 0 for y in labels)
    for n, y in enumerate(labels):
        if y >= 0:
            exponentials = [np.exp(float(z) - float(Z[n].max())) for z in Z[n]]
            for c, e in enumerate(exponentials):
                dZ[n, c] = (e / sum(exponentials) - (c == y)) / counted
            loss -= np.log(exponentials[y] / sum(exponentials)) / counted
    return loss, dZ


def _pad(A, value, pads):
    top, bottom, left, right = pads
    around = ((0, 0), (top, bottom), (left, right), (0, 0))
    return np.pad(A.astype(np.float64), around, constant_values=value)


def _crop(A_pad, A, pads):
    return A_pad[:, pads[0] : pads[0] + A.shape[1], pads[2] : pads[2] + A.shape[2]]


def _positions(A, size, stride, pads):
    """How many windows fit below and beside each other."""
    counts = []
    for n, f, s in zip((A.shape[1] + sum(pads[:2]), A.shape[2] + sum(pads[2:])), size, stride, strict=False):
        counts.append(len([start for start in range(0, n, s) if start + f <= n]))
    return counts


def _windows(N, n_H, n_W, size, stride):
    for n in range(N):
        for h in range(n_H):
            for w in range(n_W):
                top, left = h * stride[0], w * stride[1]
                yield n, h, w, (slice(top, top + size[0]), slice(left, left + size[1]))

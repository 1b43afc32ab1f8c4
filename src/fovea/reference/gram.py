"""The Gram matrix of a picture's channels: how strongly each two of them occur together, wherever that is.

    G[c, d] = 1/(H·W·C) · Σ_{y, x} A[y, x, c] · A[y, x, d]                                                 (1)
    dA[y, x, c] = 1/(H·W·C) · Σ_d A[y, x, d] · (dG[d, c] + dG[c, d])                                       (2)

Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks (2016), equation 3.
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Array, Volume
from fovea.reference.quiet import quietly


@quietly
def gram(A: Volume) -> Array:
    """The Gram matrices G (N, C, C) of A (N, H, W, C), divided by H·W·C."""
    arguments.gram(A)
    rows = _rows(A)
    return rows.transpose(0, 2, 1) @ rows / A.dtype.type(A[0:1].size or 1)  # (1)


@quietly
def gram_backward(dG: Array, A: Volume, out: Volume | None = None) -> Volume:
    """dA (N, H, W, C), from dG (N, C, C) and the A of `gram`; written to `out` if given."""
    arguments.gram_backward(dG, A, out)
    both = (dG + dG.transpose(0, 2, 1)) / A.dtype.type(A[0:1].size or 1)
    dA = (_rows(A) @ both).reshape(A.shape)  # (2)
    if out is None:
        return dA
    out[...] = dA
    return out


def _rows(A: Volume) -> np.ndarray:
    """(N, H·W, C)"""
    N, H, W, C = A.shape
    return A.reshape(N, H * W, C)

"""Affine maps of colours: brightness, contrast, saturation and hue in one pass.

out[n, y, x, i] = ⌊clip(Σ_j M[n, i, j] · in[n, y, x, j] + M[n, i, C], 0, 255) + ½⌋                    (1)
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Volume
from fovea.reference.quiet import quietly


@quietly
def recolour(pictures: Volume, matrices: np.ndarray) -> Volume:
    """Change the colours of pictures: uint8 (N, H, W, C), matrices float32 (N, C, C + 1).

    A pixel (c₁ … c_C) becomes M · (c₁ … c_C, 1), clipped to 0 … 255; halves round up.
    """
    arguments.recolour(pictures, matrices)
    C = pictures.shape[3]
    M = matrices[:, None, None]  # (N, 1, 1, C, C + 1)
    total = np.repeat(M[..., C], pictures.shape[2], axis=2) + np.zeros(
        (1, pictures.shape[1], 1, 1), np.float32
    )
    for j in range(C):
        total = total + M[..., j] * pictures[..., j, None]  # (N, H, W, C)
    return (np.clip(total, 0, 255) + np.float32(0.5)).astype(np.uint8)  # (1)

"""Changes of a picture's colours, combined into one matrix.

    x' = b·(c·(S·x − m) + m)                                                                              (1)
    S = T⁻¹·diag(1, s·R(θ))·T                                                                             (2)

x = (r, g, b) is a pixel; b, c, s are the factors of brightness, contrast and saturation; m is grey, the mean
luma of the picture, which contrast keeps. T converts colours to luma and the two chromas of YIQ (NTSC, 1953):
saturation scales the chromas, and hue rotates them by θ; grey stays grey, and every pixel keeps its luma. Of
a grey picture only brightness and contrast change.
"""

import numpy as np

_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])  # T
_RGB = np.linalg.inv(_YIQ)


def matrices(
    brightness: np.ndarray, contrast: np.ndarray, saturation: np.ndarray, turn: np.ndarray, means: np.ndarray
) -> np.ndarray:
    """M float32 (n, C, C + 1) of (1), for `fovea.functional.recolour`.

    Factors b, c and s and angles θ (n,); `means` (n, C), the mean colour of each picture, C of 1 or 3.
    """
    n, C = means.shape
    S, luma = np.ones((n, 1, 1)), means[:, 0]
    if C == 3:
        luma = means @ _YIQ[0]
        chroma = np.zeros((n, 3, 3))
        chroma[:, 0, 0] = 1
        chroma[:, 1, 1] = chroma[:, 2, 2] = saturation * np.cos(turn)
        chroma[:, 2, 1] = saturation * np.sin(turn)
        chroma[:, 1, 2] = -chroma[:, 2, 1]
        S = _RGB @ chroma @ _YIQ  # (2)
    M = np.empty((n, C, C + 1))
    M[:, :, :C] = (brightness * contrast)[:, None, None] * S  # (1)
    M[:, :, C] = (brightness * (1 - contrast) * luma)[:, None]
    return M.astype(np.float32)

"""The photograph's colours for a painting: its light is the painting's, its hues are the photograph's.

    Y = 0.299 R + 0.587 G + 0.114 B        of the painting                                                (1)
    R − Y, B − Y                           of the photograph                                              (2)

Gatys, Bethge, Hertzmann, Shechtman: Preserving color in neural artistic style transfer (2016),
arXiv:1606.05897, section 3.2.
"""

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def of_photo(painting: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The painting with the photograph's colours, both float32 (H, W, 3) in grey levels."""
    return photo + (_light(painting) - _light(photo))[:, :, None]  # (1), (2)


def _light(picture: np.ndarray) -> np.ndarray:
    R, G, B = (picture[:, :, k] * LUMA[k] for k in range(3))
    return R + G + B

"""Pictures' colours changed."""

import numpy as np

from fovea.arguments import Volume
from fovea.functional.engines import operations


def recolour(pictures: Volume, matrices: np.ndarray) -> Volume:
    """Change the colours of pictures: uint8 (N, H, W, C), matrices float32 (N, C, C + 1).

    A pixel (c₁ … c_C) becomes M · (c₁ … c_C, 1), cut off at 0 and 255; halves round up.
    """
    return operations("recolour").recolour(pictures, matrices)

"""The sum of several arrays; the pipeline is in pipelines/elementwise.py."""

import numpy as np

from fovea import checks
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def add(*arrays) -> np.ndarray:
    """As `fovea.reference.add`."""
    checks.summands(*arrays)
    checks.float32("add", **{f"A_{i}": array for i, array in enumerate(arrays)})
    Z = buffers.empty(arrays[0].shape)
    inputs = [array.reshape(1, -1) for array in arrays]
    run(
        "elementwise.add", inputs, [Z.reshape(1, -1)], count=len(arrays), activation="", vector=tiles.vector()
    )
    return Z

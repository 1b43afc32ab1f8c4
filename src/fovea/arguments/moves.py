"""Pictures warped and recoloured."""

import numpy as np

from fovea.arguments.arrays import Volume, plain, shape_of, volume
from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair, pair


def warp(
    pictures: Volume,
    matrices: np.ndarray,
    out_size: int | Pair,
    mode: str = "constant",
    who: str = "warp",
) -> Pair:
    """pictures uint8 (N, H, W, C), finite matrices float32 (N, 2, 3); returns `out_size` as a pair."""
    if mode not in ("constant", "reflect"):
        raise ShapeError(mismatch(f"{who}: mode", '"constant" or "reflect"', repr(mode)))
    _moved(who, pictures, matrices, (2, 3), "one affine map for each picture")
    return pair(out_size, who, "out_size")


def recolour(pictures: Volume, matrices: np.ndarray, who: str = "recolour") -> None:
    """pictures uint8 (N, H, W, C), finite matrices float32 (N, C, C + 1)."""
    plain(who, pictures, "pictures", "np.uint8")
    C = pictures.shape[-1] if pictures.ndim else 0
    _moved(who, pictures, matrices, (C, C + 1), "one map of colours for each picture")


def _moved(who: str, pictures: Volume, matrices: np.ndarray, shape: Pair, remedy: str) -> None:
    for name, array, dtype in (("pictures", pictures, np.uint8), ("matrices", matrices, np.float32)):
        plain(who, array, name, f"np.{dtype.__name__}")
        if array.dtype != dtype:
            raise ShapeError(mismatch(who, f"{name} as an array of {dtype.__name__}", array.dtype))
    volume(who, "pictures", pictures, "C")
    shape_of(who, "matrices", matrices, (len(pictures), *shape), remedy)
    if not np.isfinite(matrices).all():
        raise ShapeError(mismatch(who, "matrices of finite numbers", "NaN or infinity"))

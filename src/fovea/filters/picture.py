"""A picture for a filter: checks, and the scaling, types and borders of the two conventions.

scikit-image    whole numbers are shares of white, 0 to 1, and results are float32 (float64 for float64); the
border
                is reflected
opencv          whole numbers are not scaled; the border is mirrored
"""

from dataclasses import dataclass
from typing import Any, Self, TypedDict

import numpy as np

from fovea.arguments.arrays import is_plain
from fovea.errors import DataError, ShapeError, mismatch
from fovea.geometry.borders import MODES, Border
from fovea.ranges import number

CONVENTIONS = ("scikit-image", "opencv")
TYPES = ("uint8", "uint16", "float32", "float64")
_MOST = 2**31 - 1  # numbers that kernels can count


class Options(TypedDict, total=False):
    """The options of every filter, described in `fovea.filters`."""

    convention: str  # "scikit-image" unless given
    mode: str | None  # the convention's unless given
    cval: float  # 0 unless given


@dataclass(frozen=True)
class Picture:
    """`values` (H, W, C), with the convention and the border that apply to them."""

    values: np.ndarray
    flat: bool  # given as (H, W)
    convention: str
    border: Border

    @classmethod
    def of(
        cls,
        image: Any,
        who: str,
        usual: str = "reflect",
        *,
        convention: str = "scikit-image",
        mode: str | None = None,
        cval: float = 0.0,
        **unknown: Any,
    ) -> Self:
        """`image`, checked. `mode` defaults to the convention's: to `usual` for scikit-image's."""
        if unknown:
            raise TypeError(f"{who}() got an unexpected keyword argument {next(iter(unknown))!r}")
        checked_convention(convention, who)
        values = checked_image(image, who)
        mode = (usual if convention == "scikit-image" else "mirror") if mode is None else mode
        if mode not in MODES:
            raise ShapeError(mismatch(f"{who}: mode", f"one of {', '.join(MODES)}", repr(mode)))
        value = number(cval, f"{who}: cval")
        flat = values.ndim == 2
        values = values[:, :, np.newaxis] if flat else values
        if mode == "constant" and values.dtype.kind == "u" and value != 0:
            if convention == "scikit-image":  # `cval` is a share of white, not a whole number
                values = (values / np.float32(np.iinfo(values.dtype).max)).astype(np.float32)
            elif value not in range(np.iinfo(values.dtype).max + 1):
                raise ShapeError(mismatch(f"{who}: cval", f"a number that {values.dtype} has", repr(cval)))
        return cls(values, flat, convention, Border(mode, value))

    @property
    def whole(self) -> bool:
        return self.values.dtype.kind == "u"

    @property
    def scaled(self) -> bool:
        """True if whole numbers become shares of white."""
        return self.whole and self.convention == "scikit-image"

    @property
    def unit(self) -> float:
        """The share of white that the value 1 represents."""
        return 1.0 / float(np.iinfo(self.values.dtype).max) if self.scaled else 1.0

    @property
    def real(self) -> str:
        """The type of results that are real numbers."""
        return "float64" if self.values.dtype == np.float64 else "float32"

    @property
    def signed(self) -> str:
        """The type of results that may be negative: with OpenCV's convention, int16 for uint8."""
        return "int16" if self.convention == "opencv" and self.values.dtype == np.uint8 else self.real

    @property
    def same(self) -> str:
        """The type of results that are pictures: with OpenCV's convention, the picture's own."""
        return self.real if self.scaled else self.values.dtype.name

    def shaped(self, answer: np.ndarray) -> np.ndarray:
        """A result (H, W, C) in the axes of the given picture."""
        return answer[:, :, 0] if self.flat else answer


def checked_image(image: Any, who: str) -> np.ndarray:
    """`image`, if it is an array (H, W) or (H, W, C) of one of TYPES. Raises ShapeError or DataError."""
    if not is_plain(image):
        remedy = "fovea.images.read makes one of a file"
        raise ShapeError(mismatch(who, "a picture as a NumPy array", type(image).__name__, remedy))
    if image.dtype.name not in TYPES or not image.dtype.isnative:
        remedy = "convert it with .astype(np.float32)" if image.dtype.kind in "biuf" else "give real numbers"
        raise ShapeError(mismatch(who, f"a picture of {', '.join(TYPES)}", image.dtype.str, remedy))
    if image.ndim not in (2, 3):
        remedy = "filter the pictures of a batch one by one" if image.ndim == 4 else ""
        raise ShapeError(mismatch(who, "a picture (H, W) or (H, W, C)", image.shape, remedy))
    if 0 in image.shape:
        raise DataError(mismatch(who, "a picture with at least one pixel", image.shape))
    if image.size > _MOST:
        raise DataError(mismatch(who, f"at most {_MOST:,} numbers", f"{image.size:,}", "cut it into parts"))
    return image


def checked_convention(convention: str, who: str) -> None:
    """Raise ShapeError for an unknown convention."""
    if convention not in CONVENTIONS:
        expected = " or ".join(f'"{name}"' for name in CONVENTIONS)
        raise ShapeError(mismatch(f"{who}: convention", expected, repr(convention)))


def grey(image: Any) -> np.ndarray:
    """The luma of a colour picture (H, W, 3), 0.299 R + 0.587 G + 0.114 B, as (H, W) of the same type.

    A grey picture, (H, W) or (H, W, 1), is returned as (H, W). Whole numbers are rounded as in Pillow.
    """
    values = checked_image(image, "filters.grey")
    if values.ndim == 2 or values.shape[2] == 1:
        return values.reshape(values.shape[:2])
    if values.shape[2] != 3:
        remedy = "lay a transparent picture over white first, as fovea.images.read does"
        raise ShapeError(mismatch("filters.grey", "a picture (H, W, 1) or (H, W, 3)", values.shape, remedy))
    R, G, B = np.moveaxis(values, 2, 0)
    if values.dtype.kind == "u":
        luma = R * np.uint32(19595) + G * np.uint32(38470) + B * np.uint32(7471) + np.uint32(32768)
        return (luma >> 16).astype(values.dtype)
    weights = np.array([0.299, 0.587, 0.114], values.dtype)
    return R * weights[0] + G * weights[1] + B * weights[2]

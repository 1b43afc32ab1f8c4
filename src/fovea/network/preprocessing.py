"""Preprocessing: from a picture's bytes to a network's input.

    x = (u/255 − mean) / std = u · scale + offset                                                        (1)

with scale = 1/(255·std) and offset = −mean/std for each channel; u is 0 … 255, mean and std are in units of
the range 0 … 1. The engine computes (1) while it copies a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry.letterbox import LETTERBOX
from fovea.names import counted
from fovea.ranges import LARGEST, SMALLEST, number, short


@dataclass(frozen=True)
class Preprocessing:
    """The conversion (1), and the resizing before it.

    mean, std: of each channel, measured on the training pictures; 0 and 1 for none. crop: how
    `fovea.images.read` fits pictures of another size; a share above 0 and at most 1 keeps their proportions
    and cuts off the edges, "letterbox" keeps them with grey edges, None stretches them."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float | str | None = None

    def __post_init__(self) -> None:
        mean, std = _numbers(self.mean), _numbers(self.std)
        if not mean or len(mean) != len(std) or not all(map(_fits, mean, std)):
            got = f"mean {short(self.mean)} and std {short(self.std)}"
            raise ShapeError(mismatch("Preprocessing", "a mean and a positive std for each channel", got))
        if self.crop not in (None, LETTERBOX):
            expected = f'a share above 0 and at most 1, or "{LETTERBOX}"'
            crop = number(self.crop, "Preprocessing: crop", expected, SMALLEST, 1)
            object.__setattr__(self, "crop", crop)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)

    @classmethod
    def none(cls, channels: int) -> "Preprocessing":
        """x = u/255."""
        return cls((0.0,) * channels, (1.0,) * channels)

    @property
    def scale(self) -> np.ndarray:
        return (1 / (255 * np.array(self.std))).astype(np.float32)  # (C,)

    @property
    def offset(self) -> np.ndarray:
        return (-np.array(self.mean) / np.array(self.std)).astype(np.float32)  # (C,)

    def apply(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, C) → float32 (N, H, W, C)."""
        if pictures.dtype != np.uint8 or pictures.shape[-1] != len(self.mean):
            raise ShapeError(
                mismatch(
                    "Preprocessing",
                    f"uint8 pictures of {counted(len(self.mean), 'channel')}",
                    f"{pictures.dtype} of {pictures.shape}",
                )
            )
        return pictures * self.scale + self.offset  # (1)

    def to_dict(self) -> dict[str, Any]:
        """The content of a model file's "preprocessing", ready for JSON."""
        crop = {} if self.crop is None else {"crop": self.crop}
        return {"mean": list(self.mean), "std": list(self.std), **crop}

    @classmethod
    def from_dict(cls, content: Any) -> "Preprocessing":
        """The inverse of `to_dict`. Raises ShapeError for any other content."""
        if not isinstance(content, dict) or set(content) - {"crop"} != {"mean", "std"}:
            raise ShapeError(mismatch("Preprocessing", "mean and std", short(content)))
        return cls(**content)


def _fits(mean: float, std: float) -> bool:
    """True if (1) is finite in float32 for all pixels."""
    return std > 0 and max(1, abs(mean)) / std <= LARGEST and 255 * std <= LARGEST


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, values))
    except (TypeError, ValueError, OverflowError):
        return ()
    return numbers if all(map(isfinite, numbers)) else ()

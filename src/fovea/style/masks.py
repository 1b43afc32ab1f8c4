"""Masks: the part of a photograph that is painted, and the styles there.

    c = min(1, Σ m)               the painting's share of a pixel; the rest is the photograph's           (1)
    w = s · m / Σ s · m           the share of an area's styles in a painted pixel                        (2)

An area is a mask m, from 0 to 1, and the styles that have this mask: their mixture is painted there, and s is
the sum of their shares. Without masks, one area is the whole picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fovea import images
from fovea.errors import DataError, ShapeError, mismatch
from fovea.images.decoding import File, name_of

WHITE = 255


def read(file: File) -> np.ndarray:
    """The mask in a picture file, a path or an open binary file: uint8 (H, W), its grey values, 0 where it is
    transparent; the opacity, if all that can be seen has one grey value. Raises DataError for a file that is
    no picture, and for a mask that is black."""
    grey, (opacity, _) = images.read(file, channels=1)[:, :, 0], images.extras(file)
    if opacity is not None and not (opacity == WHITE).all():
        seen = grey.astype(np.float32) + opacity - WHITE  # `read` blends with white; this, with black
        brightest = opacity.argmax()
        value = seen.flat[brightest] / max(opacity.flat[brightest], 1)
        is_uniform = (np.abs(seen - value * opacity) <= 2).all()  # 2: both were rounded
        grey = opacity if is_uniform else np.clip(seen, 0, WHITE).astype(np.uint8)
    if grey.max() <= 1:  # with a 1, the largest value of a mask in other programs
        got = f"a mask without a value above {grey.max()}"
        raise DataError(mismatch(name_of(file), f"white, {WHITE}, where to paint", got))
    return grey


@dataclass(frozen=True)
class Areas:
    """The areas of a picture of one size: the `shares` of each one's styles, by their index and of sum 1, its
    `weights` (2), and the `coverage` (1) of all; float32 (H, W), None for all of the picture."""

    shares: Sequence[Mapping[int, float]]
    weights: Sequence[np.ndarray | None]
    coverage: np.ndarray | None

    @property
    def painted(self) -> np.ndarray | None:
        """True (H, W) where the painting has a share."""
        return None if self.coverage is None else self.coverage > 0

    def blended(self, photo: np.ndarray, paintings: Sequence[np.ndarray]) -> np.ndarray:
        """The picture uint8 (H, W, 3) of a photograph and one painting per area, uint8 or float32 in grey
        levels: the photograph's bits where nothing is painted."""
        picture = paintings[0]
        if self.coverage is not None:
            change = np.zeros(photo.shape, np.float32)
            for weight, painting in zip(self.weights, paintings, strict=True):
                assert weight is not None, "a picture with coverage has weights"
                change += weight[:, :, None] * (np.clip(painting, 0, WHITE) - photo.astype(np.float32))
            picture = photo + self.coverage[:, :, None] * change
        return picture if picture.dtype == np.uint8 else np.clip(np.rint(picture), 0, WHITE).astype(np.uint8)


class Masks:
    """The masks of several styles with `shares` of sum 1, for a photograph of `shape` = (H, W, …): arrays
    (H, W), uint8 of grey values, or bool or float from 0 to 1; None for all of the photograph. Raises
    ShapeError, which names `who`, for others."""

    def __init__(
        self,
        masks: Sequence[np.ndarray | None],
        shares: Sequence[float],
        shape: Sequence[int],
        who: str = "style",
    ) -> None:
        self._masks: list[np.ndarray | None] = []
        self._styles: list[dict[int, float]] = []
        for index, (mask, share) in enumerate(zip(masks, shares, strict=True)):
            if mask is not None:
                _check(mask, shape[:2], who if len(masks) == 1 else f"{who}, mask {index + 1}")
            if share > 0:
                self._add(index, share, mask)

    def _add(self, index: int, share: float, mask: np.ndarray | None) -> None:
        for known, styles in zip(self._masks, self._styles, strict=True):
            if mask is known or (mask is not None and known is not None and np.array_equal(mask, known)):
                styles[index] = share
                return
        self._masks.append(mask)
        self._styles.append({index: share})

    def at(self, size: tuple[int, int]) -> Areas:
        """The areas of the picture in another size (H, W): masks are averaged where it is smaller."""
        totals = [sum(styles.values()) for styles in self._styles]
        shares = [
            {index: share / total for index, share in styles.items()}
            for styles, total in zip(self._styles, totals, strict=True)
        ]
        planes = [_plane(mask, size) for mask in self._masks]
        if len(planes) == 1 and (planes[0] == 1).all():
            return Areas(shares, [None], None)
        coverage = np.minimum(sum(planes), 1)  # (1)
        weighted = [np.float32(total) * plane for total, plane in zip(totals, planes, strict=True)]
        whole = np.maximum(sum(weighted), np.finfo(np.float32).tiny)
        return Areas(shares, [part / whole for part in weighted], coverage)  # (2)


def _plane(mask: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    if mask is None:
        return np.ones(size, np.float32)
    plane = mask.astype(np.float32)
    return images.averaged(plane / WHITE if mask.dtype == np.uint8 else plane, size)


def _check(mask: np.ndarray, size: Sequence[int], who: str) -> None:
    got = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
    if (
        not isinstance(mask, np.ndarray)
        or mask.ndim != 2
        or mask.dtype.kind not in "fb" + "u" * (mask.dtype == np.uint8)
    ):
        raise ShapeError(mismatch(who, "a mask, uint8, bool or float (H, W)", got))
    if mask.shape != tuple(size):
        expected, got = (f"{width}×{height} pixels" for height, width in (size, mask.shape))
        remedy = "make the mask as large as the photograph is with its rotation"
        raise ShapeError(mismatch(who, f"a mask of {expected}", got, remedy))
    if not (mask.min() >= 0 and (mask.dtype == np.uint8 or mask.max() <= 1)):
        raise ShapeError(mismatch(who, "a mask of numbers from 0 to 1", f"{mask.min()} to {mask.max()}"))
    if not mask.any():
        raise ShapeError(mismatch(who, "a mask that is above 0 where to paint", "0 everywhere"))

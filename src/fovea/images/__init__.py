"""Reading and writing pictures: files to and from uint8 arrays (height, width, channels).

Every kind of file becomes grey or RGB:

    orientation     EXIF's is applied, so that a picture is the way up that people see it
    transparency    blended with white, the paper that most such pictures are drawn for
    16-bit          v / 257 rounded, so that black stays 0 and white becomes 255
    floating point  0…1 becomes 0…255; values beyond have no agreed meaning and are an error
    animated        the first frame
    palette, CMYK   converted to RGB; a palette that holds greys only, to grey

One channel of a coloured picture is its luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
"""

import os
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fovea.errors import DataError, mismatch
from fovea.files import write_whole
from fovea.geometry import pair
from fovea.geometry.letterbox import LETTERBOX, letterbox
from fovea.images.decoding import MOST_PIXELS, File, Header, array, decode, extras, header, inspect

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "EXTENSIONS",
    "MOST_PIXELS",
    "TRANSPARENT",
    "Header",
    "averaged",
    "check_channels",
    "check_crop",
    "extras",
    "fit",
    "header",
    "inspect",
    "is_picture",
    "read",
    "resized",
    "write",
]

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
GREY = 114  # around a picture in a letterbox
Crop = float | str | None
TRANSPARENT = (".png", ".tif", ".tiff", ".webp")  # have opacity
_SETTINGS: dict[str, dict[str, Any]] = {  # Pillow's, by which nothing is lost that can be seen
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"lossless": True},
}


def is_picture(path: str | os.PathLike[str]) -> bool:
    """True if the name is that of a picture: a known extension in any case, and not hidden."""
    name = Path(path).name
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def read(
    file: File,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    crop: Crop = None,
) -> np.ndarray:
    """The picture as uint8 (H, W, C), by the rules above.

    `file` is a path or an open binary file. `size` = (H, W) stretches the whole picture to that size,
    smoothing where it shrinks; by default the picture keeps its own. With `crop`, a share above 0 and at most
    1, it keeps its proportions: the largest part in its middle that has those of `size` is found, and that
    share of the part's height and width becomes the picture. With the crop "letterbox", all of it is in the
    middle of a grey picture, in its own proportions (`fovea.geometry.letterbox`). `channels` is 1 (grey) or 3
    (RGB); by default 1 for a grey picture and 3 for any other. Raises DataError, which names the file and the
    reason, and OutOfMemoryError if there is not enough memory for it.
    """
    wanted = None if size is None else pair(size, "images.read", "size")
    check_channels(channels)
    check_crop(crop)
    least = wanted
    if wanted is not None and isinstance(crop, float | int):
        least = [ceil(side / crop) for side in wanted]
    return decode(file, lambda picture: array(_fit(picture, wanted, channels, crop)), least)


def fit(
    pictures: np.ndarray,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    crop: Crop = None,
) -> np.ndarray:
    """uint8 pictures (N, H, W, C) converted to another size and number of channels, as by `read`."""
    from PIL import Image

    wanted = pictures.shape[1:3] if size is None else pair(size, "images.fit", "size")
    check_channels(channels)
    check_crop(crop)
    shape = (*wanted, channels or pictures.shape[3])
    if shape == pictures.shape[1:] and crop in (None, 1, LETTERBOX):
        return pictures
    fitted = np.empty((len(pictures), *shape), np.uint8)
    for picture, place in zip(pictures, fitted, strict=True):
        image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
        place[...] = array(_fit(image, wanted, channels, crop))
    return fitted


def resized(picture: np.ndarray, size: int | Sequence[int]) -> np.ndarray:
    """A float32 picture (H, W, C) in another size (H, W): bicubic, smoothed where it shrinks."""
    from PIL import Image

    H, W = pair(size, "images.resized", "size")
    if picture.shape[:2] == (H, W):
        return picture
    made = np.empty((H, W, picture.shape[2]), np.float32)
    for channel in range(picture.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(picture[:, :, channel]))
        made[:, :, channel] = np.asarray(plane.resize((W, H), Image.Resampling.BICUBIC))
    return made


def averaged(plane: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """A float32 plane (H, W) in another size (H, W): the mean over a pixel's area where it shrinks, linear
    between pixels where it grows. Its values stay within their range."""
    from PIL import Image

    H, W = pair(size, "images.averaged", "size")
    if plane.shape == (H, W):
        return plane
    rule = Image.Resampling.BOX if plane.size > H * W else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((W, H), rule))


def write(path: str | Path, picture: np.ndarray, profile: bytes | None = None) -> None:
    """Write a uint8 picture (H, W) or (H, W, C) in the format of the extension: C of 1 or 3, or 4, the last
    opacity, if the format has it (png, tif, tiff, webp). `profile` is its colour profile (ICC.1).

    The file is written whole or not at all. Raises DataError for another array or extension, OSError if the
    file cannot be written.
    """
    from PIL import Image

    picture = np.asarray(picture)
    extension = Path(path).suffix.lower()
    channels = (1, 3, 4) if extension in TRANSPARENT else (1, 3)
    fits = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in channels)
    if picture.dtype != np.uint8 or not fits or 0 in picture.shape:
        expected = f"a uint8 picture (H, W) or (H, W, C) with C one of {', '.join(map(str, channels))}"
        raise DataError(mismatch(f"images.write: {path}", expected, f"{picture.dtype} {picture.shape}"))
    if extension not in EXTENSIONS:
        raise DataError(mismatch(f"images.write: {path}", f"one of {' '.join(EXTENSIONS)}", extension))
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2:] == (1,) else picture)
    more: dict[str, Any] = _SETTINGS.get(extension, {}) | (
        {} if profile is None else {"icc_profile": profile}
    )
    write_whole(path, lambda temporary: image.save(temporary, **more))


def check_channels(channels: int | None) -> None:
    """Raise DataError unless `channels` is None, 1 or 3."""
    if channels not in (None, 1, 3):
        raise DataError(mismatch("channels", "1 (grey) or 3 (RGB)", repr(channels)))


def check_crop(crop: Crop) -> None:
    """Raise DataError unless `crop` is None, "letterbox", or a share above 0 and at most 1."""
    if isinstance(crop, str) and crop == LETTERBOX:
        return
    if crop is not None and (isinstance(crop, str) or not 0 < crop <= 1):
        raise DataError(mismatch("crop", f'a share above 0 and at most 1, or "{LETTERBOX}"', repr(crop)))


def _fit(image: "Image", size: Sequence[int] | None, channels: int | None, crop: Crop = None) -> "Image":
    from PIL.Image import Resampling

    mode = {None: image.mode, 1: "L", 3: "RGB"}[channels]
    if image.mode != mode:
        image = image.convert(mode)
    if size is None:
        return image
    if crop == LETTERBOX:
        return _letterboxed(image, size)
    whole = (0.0, 0.0, float(image.width), float(image.height))
    part = _middle(image.size, size, crop) if isinstance(crop, float | int) else whole
    if image.size != (size[1], size[0]) or part != whole:
        # Pillow widens the triangle filter with the factor of shrinking: no aliasing.
        image = image.resize((size[1], size[0]), Resampling.BILINEAR, box=part)
    return image


def _letterboxed(image: "Image", size: Sequence[int]) -> "Image":
    from PIL import Image

    top, left, height, width = letterbox((image.height, image.width), size)
    placed = image
    if image.size != (width, height):
        placed = image.resize((width, height), Image.Resampling.BILINEAR)
    if (height, width) == tuple(size):
        return placed
    whole = Image.new(image.mode, (size[1], size[0]), GREY if image.mode == "L" else (GREY,) * 3)
    whole.paste(placed, (left, top))
    return whole


def _middle(whole: tuple[int, int], size: Sequence[int], crop: float) -> tuple[float, float, float, float]:
    """The part (left, top, right, bottom) of a picture of `whole` = (width, height) that becomes `size`."""
    (width, height), (H, W) = whole, size
    scale = min(height / H, width / W) * crop  # pixels of the picture per pixel of the result
    left, top = (width - W * scale) / 2, (height - H * scale) / 2
    return max(left, 0.0), max(top, 0.0), min(left + W * scale, width), min(top + H * scale, height)

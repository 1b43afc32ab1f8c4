"""Pictures: files in, uint8 arrays (height, width, channels) out, and back.

What a file means is kept; only its form changes:

    orientation     what EXIF says is applied, so that a picture is the way up that people see it
    transparency    laid over white, the paper that most such pictures are drawn for
    16-bit          v / 257 rounded, so that black stays 0 and white becomes 255
    floating point  0…1 becomes 0…255; values beyond that have no agreed meaning and are refused
    animated        the first frame
    palette, CMYK   converted to RGB; a palette that holds greys only, to grey

One channel of a coloured picture is its luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
"""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from fovea.errors import DataError, mismatch
from fovea.files import write_whole
from fovea.geometry import pair

if TYPE_CHECKING:
    from PIL.Image import Image

File: TypeAlias = str | os.PathLike[str] | BinaryIO

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_TRANSPARENT = (".png", ".tif", ".tiff", ".webp")
MOST_PIXELS = 89_478_485  # a quarter of a gigabyte in RGB, where Pillow, too, begins to suspect a bomb

# Pillow knows some forty formats, of which some start other programs: a stranger's file may be one of these.
_FORMATS = ("Jpeg", "Png", "Bmp", "Gif", "Ppm", "Tiff", "WebP")  # as PIL names their modules
_ORIENTATION = 0x0112  # the EXIF tag
_SIDEWAYS = (5, 6, 7, 8)  # its values that swap height and width


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether the name is that of a picture: a known extension in any case, and not hidden."""
    name = Path(path).name
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def read(file: File, size: int | Sequence[int] | None = None, channels: int | None = None) -> np.ndarray:
    """The picture as uint8 (H, W, C), by the rules above.

    `file` is a path or an open binary file. `size` = (H, W) stretches the whole picture to that size,
    smoothing where it shrinks; by default the picture keeps its own. `channels` is 1 (grey) or 3 (RGB); by
    default 1 for a grey picture and 3 for any other. Raises DataError, which names the file and says why.
    """
    wanted = None if size is None else pair(size, "images.read", "size")
    check_channels(channels)
    try:
        with _open(file) as image:
            orientation = _orientation(image)
            if wanted:
                # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, which takes a fraction of the time.
                # Twice the wanted size is left for `_fit` to smooth. The longer side: it may lie sideways.
                image.draft(None, (2 * max(wanted),) * 2)  # type: ignore[arg-type]
            picture = _turn(_eight_bits(image), orientation)
            return _array(_fit(picture, wanted, channels))
    except Exception as error:  # on damaged files Pillow's decoders raise nearly everything
        raise DataError(mismatch(_name(file), "a picture", _reason(file, error))) from error


def inspect(file: File) -> tuple[int, int, int]:
    """(height, width, channels) that `read` would give, from the header alone; raises DataError as `read`."""
    try:
        with _open(file) as image:
            width, height = image.size
            if _orientation(image) in _SIDEWAYS:
                width, height = height, width
            return height, width, 1 if _is_grey(image) else 3
    except Exception as error:
        raise DataError(mismatch(_name(file), "a picture", _reason(file, error))) from error


def fit(
    pictures: np.ndarray, size: int | Sequence[int] | None = None, channels: int | None = None
) -> np.ndarray:
    """uint8 pictures (N, H, W, C) at another size and number of channels, made as `read` makes them."""
    from PIL import Image

    wanted = pictures.shape[1:3] if size is None else pair(size, "images.fit", "size")
    check_channels(channels)
    shape = (*wanted, channels or pictures.shape[3])
    if shape == pictures.shape[1:]:
        return pictures
    fitted = np.empty((len(pictures), *shape), np.uint8)
    for picture, place in zip(pictures, fitted, strict=True):
        image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
        place[...] = _array(_fit(image, wanted, channels))
    return fitted


def write(path: str | Path, picture: np.ndarray) -> None:
    """Write a uint8 picture (H, W) or (H, W, C) in the format that the extension names: C of 1 or 3, or 4,
    the last opacity, where the format knows it (png, tif, tiff, webp).

    The file appears whole or not at all. Raises DataError for another array or extension, OSError where the
    file cannot be written.
    """
    from PIL import Image

    picture = np.asarray(picture)
    channels = (1, 3, 4) if str(path).lower().endswith(_TRANSPARENT) else (1, 3)
    fits = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in channels)
    if picture.dtype != np.uint8 or not fits or 0 in picture.shape:
        expected = f"a uint8 picture (H, W) or (H, W, C) with C one of {', '.join(map(str, channels))}"
        raise DataError(mismatch(f"images.write: {path}", expected, f"{picture.dtype} {picture.shape}"))
    if not str(path).lower().endswith(EXTENSIONS):
        raise DataError(
            mismatch(f"images.write: {path}", f"one of {' '.join(EXTENSIONS)}", Path(path).suffix)
        )
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2:] == (1,) else picture)
    write_whole(path, lambda temporary: image.save(temporary))


def check_channels(channels: int | None) -> None:
    """Raise DataError unless `channels` is None, 1 or 3."""
    if channels not in (None, 1, 3):
        raise DataError(mismatch("channels", "1 (grey) or 3 (RGB)", repr(channels)))


def _open(file: File) -> "Image":
    from PIL import Image

    for name in _FORMATS:  # if one were missing, PIL would import the forty that it knows
        importlib.import_module(f"PIL.{name}ImagePlugin")
    image = Image.open(file if hasattr(file, "read") else Path(file), formats=_FORMATS)  # type: ignore[arg-type]
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise Image.DecompressionBombError(f"{image.width}×{image.height} pixels")
    return image


def _orientation(image: "Image") -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block takes nothing from the picture itself
        return 1


def _turn(image: "Image", orientation: int) -> "Image":
    """The picture the right way up; `orientation` 1 to 8 as EXIF numbers them, anything else is ignored."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    return image.transpose(turns[orientation]) if orientation in turns else image


def _is_grey(image: "Image") -> bool:
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")


def _eight_bits(image: "Image") -> "Image":
    """The first frame in mode L or RGB: eight bits a channel, nothing transparent."""
    from PIL import Image

    grey = _is_grey(image)
    if image.mode == "F":
        values = np.asarray(image)
        if not (values.min() >= 0 and values.max() <= 1):
            raise DataError("floating point values beyond 0…1")
        return Image.fromarray((values * 255 + 0.5).astype(np.uint8))
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise DataError("integer values beyond 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        over = Image.new("RGBA", image.size, "white")
        over.alpha_composite(image.convert("RGBA"))
        image = over.convert("RGB")
    return image.convert("L" if grey else "RGB")


def _fit(image: "Image", size: Sequence[int] | None, channels: int | None) -> "Image":
    from PIL.Image import Resampling

    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != (size[1], size[0]):
        # Pillow widens the triangle filter with the factor of shrinking: no aliasing.
        image = image.resize((size[1], size[0]), Resampling.BILINEAR)
    return image


def _array(image: "Image") -> np.ndarray:
    return np.array(image).reshape(image.height, image.width, -1)  # (H, W, C)


def _name(file: File) -> str:
    return str(getattr(file, "name", "picture")) if hasattr(file, "read") else os.fspath(file)  # type: ignore[arg-type]


def _reason(file: File, error: Exception) -> str:
    """What came instead of a picture, in a few words."""
    from PIL import Image, UnidentifiedImageError

    path = None if hasattr(file, "read") else Path(file)  # type: ignore[arg-type]
    if path and path.is_dir():
        return "a folder"
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "a file that may not be read"
    if path and path.is_file() and path.stat().st_size == 0:
        return "an empty file"
    if isinstance(error, UnidentifiedImageError):
        return "a file in none of the formats JPEG, PNG, BMP, GIF, PPM, TIFF and WebP"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return (
            f"more than {MOST_PIXELS // 10**6} million pixels, perhaps a decompression bomb: make it smaller"
        )
    if isinstance(error, DataError):
        return str(error)
    return f"a file that is cut short or damaged ({str(error) or type(error).__name__})"

"""Decoding of picture files: opened by Pillow, turned the right way up, eight bits per channel.

A file from a stranger may claim any size. So its header is checked before it is decoded, and pictures that
are decoded at the same time share a `memory.Budget`. Pixels are converted in bands of some rows: no form of a
whole picture takes more than Pillow's own, at most four bytes per pixel.
"""

import errno
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from traceback import clear_frames
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

import numpy as np

from fovea import files, memory
from fovea.errors import DataError, OutOfMemoryError, mismatch, reason

if TYPE_CHECKING:
    from PIL.Image import Image

File: TypeAlias = str | os.PathLike[str] | BinaryIO

MOST_PIXELS = 89_478_485  # a quarter of a gigabyte in RGB, Pillow's own limit against decompression bombs
MOST_SIDE = 65_535  # pixels, JPEG's limit
MOST_BYTES = 1 << 30  # of a file

# Pillow knows some forty formats, some of which start other programs: a stranger's file may be one of these.
_FORMATS = ("Jpeg", "Png", "Bmp", "Gif", "Ppm", "Tiff", "WebP")  # as PIL names their modules
_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0x0100, 0x0101  # tags of EXIF and TIFF
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap height and width
_BAND = 1 << 20  # pixels that are converted at a time
_BUDGET = memory.Budget()

# Bytes per pixel in Pillow's modes, 4 in all others; and those that its decoders need on top, JPEG's only for
# progressive files.
_WIDTHS = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2}
_EXTRA = {"jpeg": 6, "libtiff": 6, "bmp_rle": 2, "ppm_plain": 8}
_WEBP = 16  # bytes per pixel of a WebP in all: two canvases once it is opened, a copy, and the picture


def decode(
    file: File, made: Callable[["Image"], np.ndarray], size: Sequence[int] | None = None
) -> np.ndarray:
    """made(image) for the first frame, the right way up, in mode L or RGB: eight bits per channel, opaque.

    With `size` = (H, W), the image may be smaller than in the file, but at least twice `size`. Raises
    DataError if the file is not a picture, and OutOfMemoryError if there is not enough memory for it; both
    name the file.
    """
    with _opened(file) as image:
        whole = image.size
        if size:
            # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, which takes a fraction of the time. Twice
            # `size` remains, to be smoothed; twice its longer side, as the picture may be stored sideways.
            image.draft(None, (2 * max(size),) * 2)  # type: ignore[arg-type]
        with _counted(image, name_of(file), whole, size):
            try:
                image = _loaded(image)
                orientation = _orientation(image)
                image = _eight_bits(image)  # under the same name, so that the previous form is freed
                image = _turned(image, orientation)
                return made(image)
            except Exception as error:
                clear_frames(error.__traceback__)  # the frames hold pixels
                raise
            finally:
                del image  # free it before the budget stops counting it


class Header(NamedTuple):
    """The size of the picture that `decode` makes, and the EXIF orientation of the file."""

    height: int
    width: int
    channels: int
    orientation: int

    @property
    def sideways(self) -> bool:
        """True if height and width are swapped in the file."""
        return self.orientation in _SIDEWAYS


def header(file: File) -> Header:
    """The header of a picture; raises as `decode`."""
    with _opened(file) as image:
        if image.format == "PNG":  # its EXIF may come after the pixels, which Pillow then decodes first
            with _counted(image, name_of(file), image.size):
                orientation = _orientation(image)
        else:
            orientation = _orientation(image)
        tags = getattr(image, "tag_v2", None)  # of a TIFF, whose size Pillow sometimes swaps itself
        width, height = image.size if tags is None else (tags[_WIDTH], tags[_HEIGHT])
        if orientation in _SIDEWAYS:
            width, height = height, width
        return Header(height, width, 1 if _is_grey(image) else 3, orientation)


def inspect(file: File) -> tuple[int, int, int]:
    """(height, width, channels) of the picture that `decode` makes, from its header; raises as `decode`."""
    return header(file)[:3]


def extras(file: File) -> tuple[np.ndarray | None, bytes | None]:
    """The parts of a picture that `decode` leaves out: its opacity, uint8 (H, W) the right way up, None for
    an opaque one, and its colour profile as in the file (ICC.1). Raises as `decode`."""
    with _opened(file) as image:
        profile = image.info.get("icc_profile") or None
        if not image.has_transparency_data:
            return None, profile
        with _counted(image, name_of(file), image.size):
            opacity = _loaded(image).convert("RGBA").getchannel("A")
            return np.asarray(_turned(opacity, _orientation(image))), profile


def array(image: "Image") -> np.ndarray:
    """uint8 (H, W, C) of a picture in mode L or RGB."""
    pixels = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    for top, band in _bands(image):
        pixels[top : top + band.height] = np.asarray(band).reshape(band.height, *pixels.shape[1:])
    return pixels


def name_of(file: File) -> str:
    """The name of the file for errors."""
    return os.fspath(file) if isinstance(file, str | os.PathLike) else str(getattr(file, "name", "picture"))


@contextmanager
def _opened(file: File) -> Iterator["Image"]:
    """The picture in `file`, with its header read. Errors in the block become DataErrors, too."""
    name = name_of(file)
    try:
        # Pillow never gets a path: it would map some files into memory, and then scramble rotated TIFFs.
        with _stream(file) as stream, _counted_webp(stream, name):
            yield _open(stream)
    except OutOfMemoryError:
        raise
    except Exception as error:  # on damaged files Pillow's decoders raise nearly everything
        if isinstance(error, DataError) and reason(error, name) != str(error):
            raise
        if memory.is_short(error):
            raise memory.shortage(name) from error
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # too many open files
        raise DataError(mismatch(name, "a picture", _reason(error))) from error


def _stream(file: File) -> AbstractContextManager[BinaryIO]:
    if isinstance(file, str | os.PathLike):
        return files.open_regular(Path(file), "a picture", MOST_BYTES)
    return nullcontext(file)


def _open(stream: BinaryIO) -> "Image":
    from PIL import Image

    for name in _FORMATS:  # if one were missing, PIL would import all forty
        importlib.import_module(f"PIL.{name}ImagePlugin")
    try:
        image = Image.open(stream, formats=_FORMATS)
    except Image.UnidentifiedImageError:
        stream.seek(0)
        if not stream.read(1):
            raise DataError("an empty file") from None
        raise
    _check_size(*image.size)
    return image


def _check_size(width: int, height: int) -> None:
    from PIL import Image

    if width * height > MOST_PIXELS:
        raise Image.DecompressionBombError
    if max(width, height) > MOST_SIDE:
        raise DataError(f"{width}×{height} pixels, with more than {MOST_SIDE:,} on a side")


def _counted_webp(stream: BinaryIO, name: str) -> AbstractContextManager[None]:
    """The budget for a WebP, whose canvases Pillow allocates on opening it, after a check of the size in its
    header. A null context for other formats."""
    start = stream.tell()
    header = stream.read(30)
    stream.seek(start)
    size = _webp_size(header)
    if size is None:
        return nullcontext()
    _check_size(*size)
    return _BUDGET.taken(_WEBP * size[0] * size[1], name, f"to decode {size[0]}×{size[1]} pixels")


def _webp_size(header: bytes) -> tuple[int, int] | None:
    """(width, height) in the first 30 bytes of a WebP; None for another file (RFC 9649)."""
    if len(header) < 30 or header[:4] != b"RIFF" or header[8:12] != b"WEBP":
        return None
    number = partial(int.from_bytes, byteorder="little")
    if header[12:16] == b"VP8X":
        return number(header[24:27]) + 1, number(header[27:30]) + 1
    if header[12:16] == b"VP8L":
        bits = number(header[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return number(header[26:28]) & 0x3FFF, number(header[28:30]) & 0x3FFF


def _counted(
    image: "Image", name: str, whole: Sequence[int], size: Sequence[int] | None = None
) -> AbstractContextManager[None]:
    """The budget for the most that `decode` needs: a picture of `whole` = (width, height) in the file, as
    large as drafting leaves it, is decoded, converted, turned, and resized to `size` or copied. The budget
    of a WebP is already taken."""
    if image.format == "WEBP":
        return nullcontext()
    made, sideways = (1 if _is_grey(image) else 4), image.format != "PNG" or "exif" in image.info
    steps = [_WIDTHS.get(image.mode, 4)]  # bytes per pixel of each form; two exist at the same time
    steps += [made] * (image.mode not in ("L", "RGB") or image.has_transparency_data)
    steps += [made] * (sideways and _orientation(image) != 1)
    steps += [made] * (size is None)
    most = max(a + b for a, b in zip(steps, [*steps[1:], 0], strict=True))
    codec = image.tile[0][0] if image.tile else image.format or ""  # type: ignore[attr-defined]
    extra = 0 if codec == "jpeg" and "progressive" not in image.info else _EXTRA.get(codec, 0)
    pixels = image.width * image.height
    count = max(pixels * most, pixels * steps[0] + whole[0] * whole[1] * extra)
    if size:
        count += 4 * size[1] * (max(image.size) + size[0])  # Pillow resizes rows first, then columns
    return _BUDGET.taken(count, name, f"to decode {whole[0]}×{whole[1]} pixels")


def _loaded(image: "Image") -> "Image":
    """The picture with its pixels read."""
    if image.tile and image.tile[0][0] == "ppm":  # type: ignore[attr-defined]
        return _scaled(image)
    image.load()
    return image


def _scaled(image: "Image") -> "Image":
    """A binary PGM or PPM whose white is not 255, in mode L or RGB: Pillow needs a second per megabyte."""
    from PIL import Image

    _, _, start, args = image.tile[0]  # type: ignore[attr-defined]
    white = args if isinstance(args, int) else args[-1]
    most = 65_535 if image.mode == "I" else 255
    shades = np.minimum(np.rint(np.arange(256 if white < 256 else 65_536) / white * most), most)
    shades = (shades if most == 255 else (shades + 128) // 257).astype(np.uint8)
    made = Image.new("RGB" if image.mode == "RGB" else "L", image.size)
    channels, rows = len(made.getbands()), max(1, _BAND // image.width)
    type_ = np.dtype(np.uint8 if white < 256 else ">u2")
    image.fp.seek(start)  # type: ignore[attr-defined]
    for top in range(0, image.height, rows):
        count = min(rows, image.height - top) * image.width * channels
        content = image.fp.read(count * type_.itemsize)  # type: ignore[attr-defined]
        if len(content) < count * type_.itemsize:
            raise ValueError("not enough image data")
        band = shades[np.frombuffer(content, type_)].reshape(-1, image.width, *[3] * (channels == 3))
        made.paste(Image.fromarray(band), (0, top))
    return made


def _orientation(image: "Image") -> int:
    """The picture's EXIF orientation, 1 to 8. Pillow turns a TIFF when it loads it, after which this is 1."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # a damaged EXIF block does not affect the picture itself
        return 1


def _turned(image: "Image", orientation: int) -> "Image":
    """The picture the right way up; an orientation that EXIF does not define is ignored."""
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
    """The image in mode L or RGB, opaque; itself if it already is."""
    from PIL import Image

    mode = "L" if _is_grey(image) else "RGB"
    if image.mode == mode and not image.has_transparency_data:
        return image
    made = Image.new(mode, image.size)
    for top, band in _bands(image):
        made.paste(_converted(band, mode), (0, top))
    return made


def _converted(band: "Image", mode: str) -> "Image":
    from PIL import Image

    if band.mode == "F":
        values = np.asarray(band)
        if not (values.min() >= 0 and values.max() <= 1):
            raise DataError("floating point values beyond 0…1")
        return Image.fromarray((values * 255 + 0.5).astype(np.uint8))
    if band.mode.startswith("I"):
        values = np.asarray(band)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise DataError("integer values beyond 16 bits")
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if band.has_transparency_data:
        over = Image.new("RGBA", band.size, "white")
        over.alpha_composite(band.convert("RGBA"))
        band = over.convert("RGB")
    return band.convert(mode)


def _bands(image: "Image") -> Iterator[tuple[int, "Image"]]:
    """The picture in bands of some rows, each with the number of its first row."""
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _reason(error: Exception) -> str:
    """A few words on the file that is not a picture."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "a file that may not be read"
    if isinstance(error, UnidentifiedImageError):
        return "a file in none of the formats JPEG, PNG, BMP, GIF, PPM, TIFF and WebP"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return (
            f"more than {MOST_PIXELS // 10**6} million pixels, perhaps a decompression bomb: make it smaller"
        )
    if isinstance(error, DataError):
        return str(error)
    return f"a file that is cut short or damaged ({str(error) or type(error).__name__})"

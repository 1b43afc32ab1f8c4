"""Pictures keep their meaning in every form, and a bad file is an error that names it."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from fovea import images, memory
from fovea.errors import DataError, OutOfMemoryError, ShapeError
from fovea.images import decoding


@pytest.fixture
def scene() -> np.ndarray:
    """A coloured picture (6, 9, 3) without any symmetry."""
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims to be this large, in some 60 bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "extension", [e for e in images.EXTENSIONS if e not in (".jpg", ".jpeg", ".webp", ".gif", ".pgm")]
)
@pytest.mark.parametrize("shape", [(6, 9, 3), (1, 1, 3)])
def test_colour_survives_lossless_formats(tmp_path, extension, shape):
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    images.write(tmp_path / f"a{extension}", picture)
    assert np.array_equal(images.read(tmp_path / f"a{extension}"), picture)


@pytest.mark.parametrize("extension", [".png", ".bmp", ".gif", ".pgm", ".tif", ".PNG", ".Tiff"])
@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 1), (1, 1)])
def test_grey_survives_with_one_channel(tmp_path, extension, shape):
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    images.write(tmp_path / f"a{extension}", picture)
    back = images.read(tmp_path / f"a{extension}")
    assert back.dtype == np.uint8
    assert np.array_equal(back, picture.reshape(*shape[:2], 1))
    assert images.inspect(tmp_path / f"a{extension}") == back.shape


@pytest.mark.parametrize("extension", [".jpg", ".JPEG", ".webp"])
def test_lossy_formats_come_close(tmp_path, extension):
    picture = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    images.write(tmp_path / f"a{extension}", picture)
    assert np.abs(images.read(tmp_path / f"a{extension}").astype(int) - picture).max() <= 6


def test_names():
    assert all(map(images.is_picture, ["a.jpg", "b.JPEG", "folder/c.Png", "d.webp", "e.TIF"]))
    assert not any(
        map(images.is_picture, [".hidden.jpg", "._a.jpg", "notes.txt", "jpg", "a.jpg.zip", "a.svg"])
    )


SEEN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
    99: lambda a: a,
}  # what EXIF's orientation makes of a picture


def turned(image: Image.Image, format: str, orientation: int, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, format, exif=exif, **options)


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_the_orientation_of_exif_is_applied(tmp_path, scene, format, orientation):
    path, seen = tmp_path / "a", SEEN[orientation](scene)
    options = {"lossless": True} if format == "WEBP" else {}
    path.write_bytes(turned(Image.fromarray(scene), format, orientation, **options))
    assert np.array_equal(images.read(path), seen)
    assert images.inspect(path) == seen.shape


def every_mode_of_tiff(scene: np.ndarray):
    """(image, compression) of each mode that TIFF has here."""
    colours = Image.fromarray(scene)
    wide = np.random.default_rng(0).integers(0, 1 << 16, scene.shape[:2])
    yield from ((colours.convert(mode), "raw") for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"))
    yield Image.fromarray(wide.astype(np.uint16)), "raw"
    yield Image.fromarray(wide.astype(np.int32)), "raw"
    yield Image.fromarray(np.float32(wide / (1 << 16))), "raw"
    yield from (
        (colours, compression) for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg")
    )
    yield colours.convert("L"), "tiff_lzw"
    yield colours.convert("1"), "group4"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_once_in_every_mode_from_every_place(tmp_path, scene, orientation):
    for image, compression in every_mode_of_tiff(scene):
        plain = images.read(io.BytesIO(encoded(image, "TIFF", compression=compression)))
        path, seen = tmp_path / "a.tif", SEEN[orientation](plain)
        path.write_bytes(turned(image, "TIFF", orientation, compression=compression))
        with path.open("rb") as file:
            for place in (path, io.BytesIO(path.read_bytes()), file):
                what = image.mode, compression, place
                assert np.array_equal(images.read(place), seen), what
                assert images.inspect(place) == seen.shape, what


def test_what_is_transparent_is_white():
    half = np.zeros((1, 3, 4), np.uint8)
    half[0, :, 3] = 0, 128, 255  # black behind which the paper shows wholly, half, not at all
    assert images.read(io.BytesIO(encoded(Image.fromarray(half), "PNG")))[0, :, 0].tolist() == [255, 127, 0]

    grey = np.zeros((1, 2, 2), np.uint8)
    grey[0, :, 1] = 0, 255
    assert images.read(io.BytesIO(encoded(Image.fromarray(grey), "PNG"))).tolist() == [[[255], [0]]]

    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    data = encoded(palette, "PNG", transparency=0)
    assert images.read(io.BytesIO(data)).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_palettes_are_colours_and_grey_palettes_are_grey():
    coloured = Image.new("P", (1, 1))
    coloured.putpalette([10, 20, 30])
    assert images.read(io.BytesIO(encoded(coloured, "PNG"))).tolist() == [[[10, 20, 30]]]
    grey = Image.new("P", (1, 1))
    grey.putpalette([77, 77, 77])
    assert images.read(io.BytesIO(encoded(grey, "PNG"))).tolist() == [[[77]]]


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_keep_their_range(format):
    values = np.array([[0, 128, 129, 257 * 100, 65535]], np.uint16)
    data = encoded(Image.fromarray(values), format)
    assert images.read(io.BytesIO(data))[0, :, 0].tolist() == [0, 0, 1, 100, 255]


def test_floating_point_is_black_0_to_white_1(tmp_path):
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "a.tiff")
    assert images.read(tmp_path / "a.tiff")[0, :, 0].tolist() == [0, 128, 255]
    for number in (300, np.nan):
        Image.fromarray(np.array([[0, number]], np.float32)).save(tmp_path / "b.tiff")
        with pytest.raises(DataError, match=r"b\.tiff: .*floating point values beyond 0…1"):
            images.read(tmp_path / "b.tiff")
    Image.fromarray(np.array([[0, 70_000]], np.int32)).save(tmp_path / "c.tiff")
    with pytest.raises(DataError, match=r"c\.tiff: .*integer values beyond 16 bits"):
        images.read(tmp_path / "c.tiff")


def test_one_bit_is_black_and_white():
    data = encoded(Image.fromarray(np.array([[False, True]])), "PNG")
    assert images.read(io.BytesIO(data)).tolist() == [[[0], [255]]]


def test_cmyk_becomes_rgb():
    inks = np.zeros((8, 16, 4), np.uint8)
    inks[:, 8:, 3] = 255  # no ink, then all black
    for format, options in (("JPEG", {"quality": 95}), ("TIFF", {})):
        picture = images.read(io.BytesIO(encoded(Image.fromarray(inks, "CMYK"), format, **options)))
        assert picture.shape == (8, 16, 3)
        assert picture[:, :7].min() > 250
        assert picture[:, 9:].max() < 5


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame(format):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert (images.read(io.BytesIO(data)) == (255, 0, 0)).all()


def test_channels_as_asked(tmp_path, scene):
    images.write(tmp_path / "a.png", scene)
    grey = images.read(tmp_path / "a.png", channels=1)
    luma = scene @ (0.299, 0.587, 0.114)
    assert grey.shape == (6, 9, 1)
    assert np.abs(grey[:, :, 0] - luma).max() <= 1
    images.write(tmp_path / "b.png", grey)
    assert np.array_equal(images.read(tmp_path / "b.png", channels=3), np.repeat(grey, 3, axis=2))
    with pytest.raises(DataError, match=r"1 \(grey\) or 3 \(RGB\), got 4"):
        images.read(tmp_path / "a.png", channels=4)


def test_shrinking_smooths():
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    small = images.read(io.BytesIO(encoded(Image.fromarray(board.astype(np.uint8)), "PNG")), size=(8, 16))
    assert small.shape == (8, 16, 1)
    assert np.abs(small.astype(int) - 128).max() <= 16  # fine squares become grey, not larger squares


def test_a_large_photograph_is_read_at_the_size_asked_for(tmp_path):
    steps = np.repeat(
        np.repeat(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20, 200, 0), 200, 1
    )  # (600, 800)
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(steps).save(tmp_path / "a.jpg", quality=95, exif=exif)
    picture = images.read(tmp_path / "a.jpg", size=(32, 24))
    middles = picture[4::8, 4::8, 0].astype(int)
    assert np.abs(middles - np.rot90(np.arange(12).reshape(3, 4) * 20, -1)).max() <= 3


def test_a_single_pixel_can_be_any_size(tmp_path):
    images.write(tmp_path / "a.png", np.full((1, 1, 3), 9, np.uint8))
    assert (images.read(tmp_path / "a.png", size=(5, 7)) == 9).all()


def test_a_size_is_two_whole_numbers(tmp_path):
    with pytest.raises(ShapeError, match="size"):
        images.read(tmp_path / "a.png", size=(0, 5))


def bad_files(folder, scene) -> dict[str, str]:
    """File → the words its error must have."""
    jpeg = encoded(Image.fromarray(np.tile(scene, (20, 20, 1))), "JPEG")
    contents = {
        "short.jpg": (jpeg[: len(jpeg) // 2], "cut short or damaged"),
        "head.jpg": (jpeg[:20], "expected a picture"),
        "short.png": (encoded(Image.fromarray(scene), "PNG")[:-30], "cut short or damaged"),
        "text.png": (b"this is no picture\n" * 20, "none of the formats"),
        "empty.png": (b"", "an empty file"),
        "bomb.png": (png_of_size(30_000, 30_000), "decompression bomb"),
        "large.png": (png_of_size(10_000, 10_000), "decompression bomb"),
        "nothing.png": (png_of_size(0, 0), "expected a picture"),
        "drawing.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "none of the formats"),
    }
    for name, (data, _) in contents.items():
        (folder / name).write_bytes(data)
    (folder / "folder.png").mkdir()
    return {name: words for name, (_, words) in contents.items()} | {
        "folder.png": "a folder", "absent.png": "no such file"
    }  # fmt: skip


@pytest.mark.parametrize("reader", [images.read, images.inspect])
def test_a_bad_file_is_named_with_the_reason(tmp_path, scene, reader):
    for name, words in bad_files(tmp_path, scene).items():
        if reader is images.inspect and name.startswith("short"):
            continue  # their headers are whole
        with pytest.raises(DataError) as error:
            reader(tmp_path / name)
        assert str(error.value).startswith(f"{tmp_path / name}: expected a picture, got "), name
        assert words in str(error.value), name


def test_a_bomb_is_refused_without_pillows_warning_being_an_error(tmp_path):
    (tmp_path / "large.png").write_bytes(png_of_size(10_000, 10_000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match="decompression bomb"):
            images.read(tmp_path / "large.png")


def test_damaged_exif_takes_nothing_from_the_picture(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff garbage")
    assert np.array_equal(images.read(tmp_path / "a.png"), scene)


def test_fit_is_what_read_would_give(tmp_path, scene):
    images.write(tmp_path / "a.png", scene)
    for size, channels in (((4, 5), 1), ((12, 9), 3), (None, 1), ((6, 9), None)):
        fitted = images.fit(scene[None], size, channels)
        assert np.array_equal(fitted[0], images.read(tmp_path / "a.png", size, channels))


def test_transparent_pictures_are_written_where_the_format_has_them(tmp_path):
    picture = np.full((3, 2, 4), (10, 20, 30, 255), np.uint8)
    picture[0, 0, 3] = 0
    images.write(tmp_path / "a.png", picture)
    got = images.read(tmp_path / "a.png")  # laid over white
    assert got[0, 0].tolist() == [255, 255, 255]
    assert got[2, 1].tolist() == [10, 20, 30]
    with pytest.raises(DataError, match=r"a\.jpg: expected .* with C one of 1, 3, got uint8 \(3, 2, 4\)"):
        images.write(tmp_path / "a.jpg", picture)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((2, 2), np.float32), np.zeros((2, 2, 5), np.uint8), np.zeros((0, 2), np.uint8), np.uint8(3)],
)
def test_write_takes_pictures_only(tmp_path, picture):
    with pytest.raises(DataError, match=r"images\.write: .*a\.png: expected a uint8 picture"):
        images.write(tmp_path / "a.png", picture)


def test_write_knows_its_extensions_and_leaves_nothing_half(tmp_path):
    with pytest.raises(DataError, match=r"expected one of \.jpg"):
        images.write(tmp_path / "a.xyz", np.zeros((2, 2), np.uint8))
    with pytest.raises(OSError, match="absent"):
        images.write(tmp_path / "absent" / "a.png", np.zeros((2, 2), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"xmp": b"<x/>"}], ids=["VP8", "VP8L", "VP8X"])
def test_what_a_webp_claims_is_bounded_before_it_is_opened(monkeypatch, options):
    data, opened = encoded(Image.new("RGB", (300, 200)), "WEBP", **options), []
    assert images.inspect(io.BytesIO(data)) == (200, 300, 3)
    monkeypatch.setattr(Image, "open", lambda *args, **_: opened.append(args))
    monkeypatch.setattr(decoding, "MOST_PIXELS", 300 * 200 - 1)
    with pytest.raises(DataError, match="decompression bomb"):
        images.read(io.BytesIO(data))
    monkeypatch.setattr(decoding, "MOST_PIXELS", 300 * 200)
    monkeypatch.setattr(memory, "_SMALL", 0)
    monkeypatch.setattr(memory, "available", lambda: 300 * 200 * 8)
    for reader in (images.read, images.inspect):
        with pytest.raises(OutOfMemoryError, match="of memory to decode 300×200 pixels"):
            reader(io.BytesIO(data))
    assert not opened


@pytest.mark.parametrize("size", [(1, 70_000), (70_000, 1)])
def test_no_side_is_longer_than_jpeg_can_say(size):
    with pytest.raises(DataError, match="more than 65,535 on a side"):
        images.read(io.BytesIO(encoded(Image.new("1", size), "PNG")))


@pytest.mark.parametrize(("white", "type_"), [(1, "u1"), (100, "u1"), (256, ">u2"), (1000, ">u2")])
@pytest.mark.parametrize("kind", ["P5", "P6"])
def test_the_white_of_a_ppm_becomes_255(kind, white, type_):
    values = np.random.default_rng(0).integers(0, white + 1, (4, 5, 1 if kind == "P5" else 3))
    data = f"{kind}\n5 4\n{white}\n".encode() + values.astype(type_).tobytes()
    assert np.abs(images.read(io.BytesIO(data)) - values * 255 / white).max() <= 0.51
    with pytest.raises(DataError, match="cut short"):
        images.read(io.BytesIO(data[:-1]))

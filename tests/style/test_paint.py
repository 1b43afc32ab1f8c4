"""`fovea paint`: files in, files out, and every mistake named."""

import re
import signal

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from fovea import engine, images
from fovea.cli import main
from fovea.errors import DataError, FoveaError
from fovea.style import Options, Painter, paint, styles
from fovea.style.transfer import Transfer
from fovea.training.interrupts import Stopped

QUICK = {"size": 32, "network": "squeezenet", "evaluations": (4,)}


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    with engine.use("reference"):
        yield


def scene(height=24, width=32, seed=0):
    rng = np.random.default_rng(seed)
    return np.repeat(np.repeat(rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8), 4, 0), 4, 1)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a photograph, photo.png, and a style, style.png; the working folder."""
    monkeypatch.chdir(tmp_path)
    images.write("photo.png", scene())
    images.write("style.png", scene(40, 40, 1))
    return tmp_path


@pytest.fixture
def call(place, capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["paint", *arguments])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def test_a_trained_style(call):
    assert call("photo.png", "--style", "3:0.5,12:1.5")[:2] == (
        0,
        "1 painting written to paintings/photo.png\n",
    )
    expected = Painter().paint(scene(), {3: 0.25, 12: 0.75})
    assert_array_equal(images.read("paintings/photo.png"), expected)


def test_the_style_of_a_picture_in_one_pass(call):
    assert call("photo.png", "--style", "style.png", "--fast", "--out", "a.png")[0] == 0
    assert_array_equal(images.read("a.png"), Painter("arbitrary").paint(scene(), scene(40, 40, 1)))


def test_by_optimisation(call):
    code, out, _ = call(
        "photo.png", "--style", "style.png", "--size", "32", "--steps", "2", "--frames", "f.webp"
    )
    assert (code, out) == (0, "1 painting written to paintings/photo.png\n")
    painting = images.read("paintings/photo.png")
    assert painting.shape == scene().shape
    assert not np.array_equal(painting, scene())
    with Image.open("f.webp") as film:
        assert film.n_frames >= 1


class TestMasks:
    @pytest.fixture(autouse=True)
    def masks(self, place):
        """left.png is white in the left half, right.png in the right; small.png is of another size."""
        mask = np.zeros((24, 32), np.uint8)
        mask[:, :16] = 255
        for name, array in (("left.png", mask), ("right.png", 255 - mask), ("small.png", mask[::2, ::2])):
            images.write(name, array)

    def test_a_mask_for_all_styles(self, call):
        assert call("photo.png", "--style", "3,12", "--mask", "left.png")[0] == 0
        painting = images.read("paintings/photo.png")
        assert_array_equal(painting[:, 16:], scene()[:, 16:])
        assert_array_equal(painting[:, :16], Painter().paint(scene(), {3: 0.5, 12: 0.5})[:, :16])

    @pytest.mark.parametrize("how", [["--style", "3,12"], ["--style", "style.png,other.png", "--fast"]])
    def test_a_mask_for_each_style(self, call, how):
        images.write("other.png", scene(40, 40, 2))
        assert (
            call("photo.png", *how, "--mask", "left.png", "--mask", "right.png", "--out", "both.png")[0] == 0
        )
        for one, half in zip(how[1].split(","), (np.s_[:, :16], np.s_[:, 16:]), strict=True):
            assert call("photo.png", "--style", one, *how[2:], "--out", "one.png", "--overwrite")[0] == 0
            assert_array_equal(images.read("both.png")[half], images.read("one.png")[half])

    def test_a_mask_fits_the_photograph_after_its_rotation(self, call):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(scene()).save("photo.png", exif=exif)
        top = np.zeros((32, 24), np.uint8)
        top[:16] = 255
        images.write("top.png", top)
        assert call("photo.png", "--style", "3", "--mask", "top.png")[0] == 0
        assert_array_equal(images.read("paintings/photo.png")[16:], images.read("photo.png")[16:])

    def test_smaller_paintings_and_larger_strokes(self, call):
        how = ["--size", "16", "--style-scale", "0.5", "--colour", "photo", "--mask", "left.png"]
        assert call("photo.png", "--style", "3", *how)[0] == 0
        small = images.read("photo.png", (12, 16))
        painting = images.read("paintings/photo.png")
        assert_array_equal(painting[:, 8:], small[:, 8:])
        assert (painting[:, :8] != small[:, :8]).any()

    def test_by_optimisation(self, call):
        how = [
            "--size",
            "32",
            "--steps",
            "2",
            "--mask",
            "left.png",
            "--save-every",
            "1",
            "--frames",
            "f.webp",
        ]
        assert call("photo.png", "--style", "style.png", *how)[0] == 0
        for name in ("paintings/photo.png", "paintings/photo-0001.png"):
            assert_array_equal(images.read(name)[:, 16:], scene()[:, 16:])

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (
                ["--style", "3,4,5", "--mask", "left.png", "--mask", "right.png"],
                2,
                "for each of 3 styles, got 2",
            ),
            (["--style", "3", "--mask", "left.png", "--mask", "right.png"], 2, "for each of 1 style, got 2"),
            (["--sheet", "--mask", "left.png"], 2, "--mask: expected a painting, got --sheet"),
            (["--sheet", "--strength", "0.5", "--fast"], 2, "--fast, --strength: expected a painting, got"),
            (
                ["--style", "3", "--mask", "small.png"],
                1,
                "photo.png: expected a mask of 32×24 pixels, got 16×12",
            ),
            (
                ["--style", "style.png", "--mask", "small.png"],
                1,
                "photo.png: expected a mask of 32×24 pixels",
            ),
            (
                ["--style", "3,4", "--mask", "left.png", "--mask", "small.png"],
                1,
                "photo.png, mask 2: expected",
            ),
            (["--style", "3", "--mask", "black.png"], 1, "black.png: expected white, 255, where to paint"),
            (
                ["--style", "3", "--mask", "nowhere.png"],
                1,
                "nowhere.png: expected a picture, got no such file",
            ),
        ],
    )
    def test_mistakes_are_named(self, call, arguments, code, words):
        images.write("black.png", np.zeros((24, 32), np.uint8))
        got, _, err = call("photo.png", *arguments)
        assert (got, words in err) == (code, True), err


def test_a_sheet_of_all_styles(call):
    assert call("photo.png", "--sheet", "--size", "32", "--out", "sheet.png")[0] == 0
    height, width, _ = images.read("sheet.png").shape
    assert height * width > 26 * 24 * 32


def test_a_folder_keeps_its_names(call, place):
    (place / "in" / "deep").mkdir(parents=True)
    images.write(place / "in" / "a.png", scene())
    images.write(place / "in" / "deep" / "b.jpg", scene())
    (place / "in" / "broken.png").write_bytes(b"no picture")
    code, out, err = call("in", "--style", "3")
    assert (code, out) == (0, "2 paintings written to paintings\n")
    assert "broken.png: expected a picture" in err
    found = (place / "paintings").rglob("*.*")
    assert {path.relative_to(place / "paintings").as_posix() for path in found} == {"a.png", "deep/b.jpg"}


@pytest.mark.parametrize("out", [None, "in/paintings"])
def test_paintings_keep_names_and_formats(call, place, out):
    names = ("a.bmp", "a.gif", "a.jpg", "a.png", "b.gif", "c.JPEG", "d.tif", "e.webp", "f.ppm")
    (place / "in").mkdir()
    for name in names:
        images.write(place / "in" / name, scene())
    how = ["in", "--style", "3", *(["--out", out] if out else [])]
    assert call(*how)[:2] == (0, f"9 paintings written to {out or 'paintings'}\n")
    folder = place / (out or "paintings")
    expected = ["a.bmp.png", "a.gif.png", "a.jpg", "a.png", "b.png", "c.JPEG", "d.tif", "e.webp", "f.ppm"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    whole = images.read(folder / "a.png").astype(int)
    for name, most in (("d.tif", 0), ("e.webp", 0), ("f.ppm", 0), ("a.jpg", 40), ("c.JPEG", 40)):
        assert np.abs(images.read(folder / name) - whole).max() <= most
    with Image.open(folder / "a.jpg") as painting:
        assert {sampling[1:3] for sampling in painting.layer} == {(1, 1)}  # 4:4:4
    assert call(*how, "--overwrite")[:2] == (0, f"9 paintings written to {out or 'paintings'}\n")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_transparency_is_never_lost(call, place, suffix):
    clear = np.dstack([scene(), np.full((24, 32), 100, np.uint8)])
    images.write(f"clear{suffix}", clear)
    assert call(f"clear{suffix}", "--style", "3")[0] == 0
    with Image.open(f"paintings/clear{suffix}") as painting:
        assert (np.asarray(painting.getchannel("A")) == 100).all()
    for out in ("a.jpg", "a.bmp"):
        code, _, err = call(f"clear{suffix}", "--style", "3", "--out", out)
        assert code == 1
        assert (
            f"{out}: expected a name with .png, .tif, .tiff, .webp, for a photograph with transparency" in err
        )


@pytest.mark.parametrize("space", [b"GRAY", b"CMYK"])
def test_a_profile_of_other_colours_is_left_out(call, space):
    Image.fromarray(scene()).save("photo.png", icc_profile=bytes(16) + space)
    assert call("photo.png", "--style", "3")[0] == 0
    with Image.open("paintings/photo.png") as painting:
        assert "icc_profile" not in painting.info


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photo.png", "--style", "3", "--out", "."], "photo.png: expected a new file, got one that exists"),
        (["photo.png", "--style", "3", "--out", "photo.png"], "photo.png: expected a new file"),
        ([".", "--style", "3", "--out", "."], "photo.png: expected a new file"),
        (["photo.png", "--style", "style.png", "--frames", "photo.png"], "photo.png: expected a new file"),
        (
            ["photo.png", "--style", "style.png", "--frames", "paintings/photo.png"],
            "a photograph or its painting",
        ),
    ],
)
def test_a_photograph_is_never_overwritten(call, arguments, words):
    code, _, err = call(*arguments, "--overwrite")
    assert (code, words in err) == (1, True), err
    assert_array_equal(images.read("photo.png"), scene())


@pytest.mark.parametrize("name", ["f.webp", "paintings/photo-0007.png"])
def test_films_and_paintings_so_far_are_replaced_only_if_asked(call, place, name):
    (place / "paintings").mkdir()
    images.write(name, scene(seed=9))
    how = ["--size", "32", "--steps", "2", "--frames", "f.webp", "--save-every", "1"]
    code, _, err = call("photo.png", "--style", "style.png", *how)
    assert (code, f"{name}: expected a new file, got one that exists" in err) == (1, True)
    assert call("photo.png", "--style", "style.png", *how, "--overwrite")[0] == 0


def test_opacity_profile_and_orientation_are_kept(call, place):
    pixels = np.dstack([scene(), np.full((24, 32), 255, np.uint8)])
    pixels[:, :8, 3] = 0
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    Image.fromarray(pixels).save("photo.png", icc_profile=b"a profile", exif=exif)
    assert call("photo.png", "--style", "3")[0] == 0
    with Image.open("paintings/photo.png") as painting:
        assert painting.size == (24, 32)
        assert painting.info["icc_profile"] == b"a profile"
        opacity = np.asarray(painting.getchannel("A"))
    assert (opacity[:8] == 0).all()
    assert (opacity[8:] == 255).all()


@pytest.mark.parametrize("mode", ["L", "I;16", "1", "P"])
def test_photographs_of_other_kinds(call, mode):
    grey = scene()[:, :, 0]
    array = grey.astype(np.uint16) * 257 if mode == "I;16" else grey
    (Image.fromarray(array) if mode == "I;16" else Image.fromarray(array).convert(mode)).save("photo.png")
    assert call("photo.png", "--style", "3")[0] == 0
    assert images.read("paintings/photo.png").shape == (24, 32, 3)


class TestUnfinished:
    def job(self):
        return paint.jobs(["photo.png"], None, False, True)[0]

    def paint(self, **more):
        given = [paint.Style(scene(40, 40, 1))]
        paint.in_detail(self.job(), given, Options(**QUICK), resume=True, **more)

    def test_a_painting_that_was_stopped_resumes_to_the_same_bits(self, place):
        def interrupt(what, done):
            if 0 < done < 1:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(Stopped, match=r"photo\.png has the painting so far: add --resume to continue"):
            self.paint(report=interrupt)
        assert (place / "paintings" / "photo.png").exists()
        assert paint.state_of(self.job()).exists()
        self.paint()
        whole = Transfer(scene(), paint.Style(scene(40, 40, 1)), Options(**QUICK))
        for _ in whole.steps():
            pass
        assert_array_equal(images.read("paintings/photo.png"), whole.painting())
        assert (
            not paint.state_of(self.job()).exists() if not (place / "paintings/photo.png").exists() else True
        )

    def test_the_paintings_so_far_are_numbered_through(self, place):
        def interrupt(what, done):
            if 0 < done < 1:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(Stopped):
            self.paint(report=interrupt, save_every=1)
        first = (place / "paintings" / "photo-0001.png").read_bytes()
        self.paint(save_every=1)
        assert (place / "paintings" / "photo-0001.png").read_bytes() == first
        assert (place / "paintings" / "photo-0002.png").exists()

    def test_an_interrupt_between_tiles_loses_no_step(self, place):
        """A step of a large painting takes minutes, so it is left in its middle."""
        size = {"size": 400, "tile": 256, "evaluations": (3,)}
        given, options = [paint.Style(scene(40, 40, 1))], Options(**QUICK | size)
        expected = Transfer(scene(), given, options)
        for _ in expected.steps():
            pass
        calls = []

        def interrupt(what, done):
            calls.append(done)
            if len(calls) in (3, 17):
                signal.raise_signal(signal.SIGINT)

        notes, stopped = [], []
        for _ in range(3):
            try:
                paint.in_detail(self.job(), given, options, resume=True, report=interrupt, note=notes.append)
            except Stopped as error:
                stopped.append(str(error))
        assert re.match("stopped before the first step of .*photo.png", stopped[0])
        assert len(stopped) == 2
        assert re.fullmatch(r"photo\.png: 400×300 in \d tiles: needs .* GB instead of .*", notes[0])
        assert_array_equal(images.read(place / "paintings" / "photo.png"), expected.painting())
        assert calls == sorted(calls[:3]) + sorted(calls[3:17]) + sorted(calls[17:])

    def test_another_photograph_is_refused(self, place):
        with pytest.raises(Stopped):
            self.paint(report=lambda what, done: 0 < done < 1 and signal.raise_signal(signal.SIGINT))
        images.write("photo.png", scene(seed=5))
        with pytest.raises(DataError, match="expected the same photograph, styles and options, got others"):
            self.paint()

    def test_the_painting_so_far_is_saved(self, place):
        self.paint(save_every=1)
        assert (place / "paintings" / "photo-0001.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["photo.png"], 2, "expected either --style STYLE or --sheet"),
        (["photo.png", "--sheet", "--style", "3"], 2, "expected either --style STYLE or --sheet"),
        (["photo.png", "--style", "27"], 2, "at most 26, got 27"),
        (["photo.png", "--style", "3:0,4:0"], 2, "expected shares of a sum above 0, got 3: 0, 4: 0"),
        (
            ["photo.png", "--style", "style.png:0,dot.png:0"],
            2,
            "style: shares: expected at least one above 0",
        ),
        (
            ["photo.png", "--style", "enormous.png"],
            1,
            "enormous.png: expected a picture, got more than 89 million",
        ),
        (
            ["photo.png", "--style", "nan.tif"],
            1,
            "nan.tif: expected a picture, got floating point values beyond",
        ),
        (["nan.tif", "--style", "3"], 1, "nan.tif: expected a picture, got floating point values beyond 0…1"),
        (["thin.png", "--style", "style.png"], 1, "expected a painting of at least 16×16 pixels, got 512×10"),
        (
            ["photo.png", "--style", "style.png", "--frames", "file.txt/f.gif"],
            1,
            "expected a file that can be",
        ),
        (["photo.png", "--style", "3:-1"], 2, "share of 3: expected a number of at least 0"),
        (["photo.png", "--style", "3,style.png"], 2, "expected a picture, the number of a trained style"),
        (["photo.png", "--style", "3,3"], 2, "expected each style once, got 3 twice"),
        (["photo.png", "--style", ""], 2, "expected a picture, the number of a trained style"),
        (["photo.png", "--style", "nowhere.png"], 1, "nowhere.png"),
        (["photo.png", "--style", "text.png"], 1, "text.png: expected a picture"),
        (["photo.png", "--style", "clear.png"], 1, "expected a style that can be seen"),
        (["photo.png", "--style", "dot.png"], 1, "expected a picture of at least 2×2 pixels, got 1×1"),
        (["nowhere.jpg", "--style", "3"], 1, "nowhere.jpg"),
        (["empty", "--style", "3"], 1, "expected a folder with pictures, got none"),
        (["photo.png", "--style", "3", "--steps", "9"], 2, "--steps: expected a painting by optimisation"),
        (["photo.png", "--style", "style.png", "--steps", "9,x"], 2, "--steps: expected whole numbers"),
        (
            ["photo.png", "--style", "style.png", "--frames", "f.mp4"],
            2,
            "expected a file of .webp",
        ),
        (["photo.png", "--style", "3", "--colour", "red"], 2, "--colour: expected style or photo, got 'red'"),
        (["photo.png", "--style", "3", "--out", "file.txt/a.png"], 1, "expected a file that can be written"),
        (["photo.png", "photo.png", "--style", "3"], 1, "expected photographs of different names"),
        (["photo.png", "--style", "3", "--out", "photo.png"], 1, "expected a new file, got one that exists"),
    ],
)
def test_mistakes_are_named(call, place, arguments, code, words):
    (place / "text.png").write_text("no picture", encoding="utf-8")
    (place / "file.txt").write_text("", encoding="utf-8")
    (place / "empty").mkdir()
    images.write("clear.png", np.zeros((8, 8, 4), np.uint8))
    images.write("dot.png", np.zeros((1, 1, 3), np.uint8))
    images.write("thin.png", np.zeros((300, 6, 3), np.uint8))
    Image.new("1", (20_000, 20_000)).save("enormous.png")
    Image.fromarray(np.array([[0.5, np.nan]] * 2, np.float32)).save("nan.tif")
    got, _, err = call(*arguments)
    assert (got, words in err) == (code, True), err
    assert_array_equal(images.read("photo.png"), scene())


def test_an_existing_painting_is_replaced_only_if_asked(call):
    for arguments, code in (([], 0), ([], 1), (["--overwrite"], 0)):
        assert call("photo.png", "--style", "3", *arguments)[0] == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", {7: 1}), ("3:0.5,12:0.5", {3: 0.5, 12: 0.5}), ("a.jpg", {"a.jpg": 1}),
        ("a.jpg:0.7, b.jpg:0.3", {"a.jpg": 0.7, "b.jpg": 0.3}), ("C:a.jpg", {"C:a.jpg": 1}),
    ],
)  # fmt: skip
def test_styles_as_people_name_them(text, expected):
    assert styles.read(text) == expected


def test_a_number_is_a_trained_style_beside_a_folder_of_that_name(place):
    (place / "7").mkdir()
    assert styles.read("7,8") == {7: 1, 8: 1}


def test_a_picture_whose_name_is_a_number_is_a_picture(place):
    images.write("7.png", scene())
    (place / "7.png").rename(place / "7")
    assert styles.read("7") == {"7": 1}


@pytest.mark.parametrize("fast", [["--fast"], ["--steps", "2", "--size", "32"]])
@pytest.mark.parametrize("shape", [(3, 300), (300, 3)])
def test_photograph_and_style_may_differ_in_shape(call, fast, shape):
    images.write("thin.png", scene(8, 8, 1)[np.ix_(np.arange(shape[0]) % 8, np.arange(shape[1]) % 8)])
    assert call("photo.png", "--style", "thin.png", *fast)[0] == 0
    assert images.read("paintings/photo.png").shape == (24, 32, 3)


def test_one_photograph_that_cannot_be_painted_does_not_end_the_others(call):
    images.write("thin.png", np.zeros((300, 6, 3), np.uint8))
    images.write("mask.png", np.full((24, 32), 255, np.uint8))
    how = ["--style", "style.png", "--size", "32", "--steps", "2"]
    for arguments, words in (
        (how, "16×16 pixels"),
        (["--style", "3", "--mask", "mask.png"], "a mask of 6×300"),
    ):
        code, out, err = call("photo.png", "thin.png", *arguments, "--overwrite")
        assert (code, out) == (0, "1 painting written to paintings\n")
        assert err.startswith("fovea: thin.png: ")
        assert words in err


def test_a_film_has_a_picture_even_if_nothing_is_left_to_paint(call):
    how = ["--size", "32", "--steps", "2", "--strength", "0", "--frames", "f.gif"]
    assert call("photo.png", "--style", "style.png", *how)[0] == 0
    assert_array_equal(images.read("paintings/photo.png"), scene())
    assert images.read("f.gif").shape == (24, 32, 3)


def test_a_folder_that_cannot_be_written_is_named_before_painting(call, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    monkeypatch.setattr(paint, "in_one_pass", lambda *_, **__: pytest.fail("it was painted"))
    code, _, err = call("photo.png", "--style", "3", "--out", "new/a.png")
    assert code == 1
    assert (
        "new/a.png: expected a file that can be written, got ., a read-only folder: choose another place"
        in err
    )


def test_no_memory_in_detail_is_named(place, monkeypatch):
    monkeypatch.setattr("fovea.memory.available", lambda: 1 << 20)
    job = paint.jobs(["photo.png"], None, False, False)[0]
    with pytest.raises(
        FoveaError, match=r"photo\.png: expected .* MB of memory to paint it: choose a smaller --size"
    ):
        paint.in_detail(job, [paint.Style(scene())], Options(**QUICK))


def test_no_memory_is_named(place, monkeypatch):
    monkeypatch.setattr(paint, "PER_PIXEL", 1 << 50)
    job = paint.jobs(["photo.png"], None, False, False)[0]
    with pytest.raises(FoveaError, match=re.escape("choose a smaller --size")):
        paint.in_one_pass(job, [paint.Style(3)], painters={})

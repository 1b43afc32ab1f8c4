"""Faulty labels cost themselves, never their picture, and every one of them is recorded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import images
from fovea.detection.formats import read
from fovea.detection.formats.cleaning import turned
from tests import boxed

W, H = boxed.SIZE


@pytest.mark.parametrize(
    ("box", "found", "what", "why"),
    [
        ((30, 20, 10, 5), (10, 5, 30, 20), "corners swapped", "reversed"),
        ((10, 20, 30, 5), (10, 5, 30, 20), "corners swapped", "reversed"),
        ((-9, 5, 30, 90), (0, 5, 30, H), "cut at the edges", f"beyond the picture of {W}×{H}"),
        ((0, 0, W + 1, H + 1), (0, 0, W, H), None, None),  # rounding
        ((70, 5, 90, 20), None, "dropped", f"outside the picture of {W}×{H}"),
        ((10, -30, 20, -5), None, "dropped", f"outside the picture of {W}×{H}"),
        ((10, 5, 10, 20), None, "dropped", "no area"),
        ((10, 5, 30, 5), None, "dropped", "no area"),
        ((10, 5, 10.5, 20), None, "dropped", "less than a pixel"),
        ((W - 0.5, 5, W + 90, 20), None, "dropped", "less than a pixel"),
        (("nan", 5, 30, 20), None, "dropped", "not four finite numbers"),
        ((10, 5, "inf", 20), None, "dropped", "not four finite numbers"),
        ((10, 5, "", 20), None, "dropped", "not four finite numbers"),
        (("9" * 400, 5, 30, 20), None, "dropped", "not four finite numbers"),
        ((1, 2, 3, 4, 5), None, "dropped", "the same as label 1"),
    ],
)
def test_faults(tmp_path, box, found, what, why):
    boxed.picture(tmp_path / "a.png")
    good = ("cat", 0, 0, 9, 9.5)
    bad = good if len(box) == 5 else ("cat", *box)
    boxed.voc(tmp_path / "a.xml", [good, bad])
    data = read(tmp_path)
    assert boxed.boxes(data)["a.png"] == [good] + ([("cat", *found)] if found else [])
    assert boxed.faults(data) == ([("a.xml", 2, what, why)] if what else [])


def test_two_classes_in_one_place_are_kept_and_recorded(tmp_path):
    boxed.picture(tmp_path / "a.png")
    boxed.voc(tmp_path / "a.xml", [("cat", 0, 0, 9, 9), ("dog", 0, 0, 9, 9), ("", 1, 1, 9, 9)])
    data = read(tmp_path)
    assert [name for name, *_ in boxed.boxes(data)["a.png"]] == ["cat", "dog"]
    assert boxed.faults(data) == [
        ("a.xml", 2, "kept", "'dog', where label 1 has 'cat'"), ("a.xml", 3, "dropped", "no class")
    ]  # fmt: skip
    assert data.line == "Pascal VOC, 1 picture, 2 classes, 2 boxes; 1 label dropped (bad_labels.csv)"


def test_a_picture_whose_labels_are_all_bad_stays(tmp_path):
    for name in "ab":
        boxed.picture(tmp_path / f"{name}.png")
    boxed.voc(tmp_path / "a.xml", [("cat", 0, 0, 9, 9)])
    boxed.voc(tmp_path / "b.xml", [("cat", 5, 5, 5, 5)])
    assert boxed.boxes(read(tmp_path))["b.png"] == []


def test_bad_labels_are_written_as_a_table(tmp_path):
    boxed.picture(tmp_path / "a,b.png")
    boxed.voc(tmp_path / "a,b.xml", [("cat", 0, 0, 9, 9), ("cat", 5, 5, 5, 5)])
    boxed.voc(tmp_path / "c.xml", [("cat", 0, 0, 9, 9)])
    read(tmp_path).write_bad_labels(tmp_path / "bad.csv")
    assert (tmp_path / "bad.csv").read_text().splitlines() == [
        "file,line,what,why",
        '"a,b.xml",2,dropped,no area: 5 5 5 5',
        "c.xml,,not used,there is no picture c.*",
    ]


@given(
    st.sampled_from([5, 6, 7, 8]), st.integers(0, 3), st.integers(0, 2), st.integers(1, 3), st.integers(1, 2)
)
def test_boxes_turn_with_the_pixels(orientation, x, y, w, h):
    from PIL import Image

    stored = np.zeros((7, 11), np.uint8)
    stored[y : y + h, x : x + w] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    import io

    file = io.BytesIO()
    Image.fromarray(stored).save(file, "PNG", exif=exif)
    file.seek(0)
    seen = images.read(file)[:, :, 0]
    rows, columns = np.nonzero(seen)
    box = turned((x, y, x + w, y + h), seen.shape[1], seen.shape[0], orientation)
    assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_the_stated_size_tells_whether_boxes_are_in_the_stored_picture(tmp_path):
    for name, size in {"seen": (H, W), "stored": (W, H), "unknown": (0, 0)}.items():
        boxed.picture(tmp_path / f"{name}.jpg", orientation=6)
        boxed.voc(tmp_path / f"{name}.xml", [("cat", 0, 4, 10, 24)], size=size)
    data = read(tmp_path)
    assert {(p.height, p.width) for p in data.pictures} == {(W, H)}
    assert boxed.boxes(data) == {
        "seen.jpg": [("cat", 0, 4, 10, 24)], "stored.jpg": [("cat", 16, 0, 36, 10)],
        "unknown.jpg": [("cat", 0, 4, 10, 24)],
    }  # fmt: skip
    assert "1 picture labelled as stored: the boxes are turned by EXIF, too" in data.notes
    assert "1 picture turned by EXIF, and boxes taken to be in the result" in data.notes


@pytest.mark.parametrize("orientation", [0, 65537, 1, 9])
def test_undefined_orientations_change_nothing(tmp_path, orientation):
    path = boxed.picture(tmp_path / "a.jpg", orientation=1)
    content = path.read_bytes()
    mark = content.index(b"Exif\0\0")
    start = content.index(b"\x01\x12", mark)
    kind, value = (b"\0\x04", orientation.to_bytes(4, "big"))
    path.write_bytes(
        content[: start + 2] + kind + content[start + 4 : start + 8] + value + content[start + 12 :]
    )
    boxed.voc(tmp_path / "a.xml", [("cat", 0, 4, 10, 24)])
    data = read(tmp_path)
    assert boxed.boxes(data)["a.jpg"] == [("cat", 0, 4, 10, 24)]
    assert data.notes == []


def test_odd_pictures_keep_their_labels(tmp_path):
    boxed.picture(tmp_path / "rgba.jpg", mode="RGBA", kind="PNG")
    boxed.picture(tmp_path / "grey.jpg", mode="L")
    whole = boxed.picture(tmp_path / "cut.jpg", size=(600, 400)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none.jpg").write_bytes(b"no picture")
    for name in ("rgba", "grey", "cut", "none"):
        boxed.voc(tmp_path / f"{name}.xml", [("cat", 0, 4, 10, 24)])
    data = read(tmp_path)
    assert sorted(boxed.boxes(data)) == ["cut.jpg", "grey.jpg", "rgba.jpg"]
    assert all(boxes == [("cat", 0, 4, 10, 24)] for boxes in boxed.boxes(data).values())
    assert list(data.unreadable) == [str(tmp_path / "none.jpg")]
    assert "1 picture (none.jpg) cannot be read: left out" in data.notes

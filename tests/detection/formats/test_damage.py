"""Damaged label files give data, or an error of one line; never another exception."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea.detection.formats import FORMATS, read
from fovea.errors import FoveaError
from tests import boxed

RECTANGLE = {"label": "cat", "points": [[1, 2], [30, 20]], "shape_type": "rectangle"}
FILES = {
    "yolo": {"images/a.txt": "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.2 0.3 0.3\n", "val.txt": "./images/a.jpg\n",
             "data.yaml": "path: .\ntrain: images\nval: val.txt\nnames:\n  0: cat\n  1: dog\nnc: 2\n"},
    "csv": {"a.csv": "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,60,40,cat,1,2,30,20\n"},
    "cvat": {"a.xml": '<annotations><image name="a.jpg"><box label="cat" xtl="1" ytl="2" xbr="30" ybr="20"/>'
                      '<polygon label="dog" points="1,2;3,4;5,9"/></image></annotations>'},
}  # fmt: skip
JUNK = [
    "",
    "NaN",
    "-1",
    "1e999",
    "null",
    "[]",
    "{}",
    '"',
    "<",
    ">",
    "/",
    "\n",
    "\0",
    "..",
    "&",
    "*",
    "9" * 30,
    ",",
    ":",
]


def write(root, name):
    """A set in a format, with its label files."""
    boxed.picture(root / "images" / "a.jpg")
    for file, content in FILES.get(name, {}).items():
        boxed.text(root / file, content)
    if name == "voc":
        boxed.voc(root / "Annotations" / "a.xml", [("cat", 1, 2, 30, 20), ("dog", 5, 5, 9, 9)])
        boxed.text(root / "ImageSets" / "Main" / "train.txt", "a\n")
    if name == "coco":
        boxed.coco(root / "a.json", {"a.jpg": [(1, 1, 2, 3, 4), (2, 5, 5, 9, 9)]}, {1: "cat", 2: "dog"})
    if name == "labelme":
        boxed.write_json(root / "images" / "a.json", {"shapes": [RECTANGLE], "imagePath": "a.jpg"})
    return [path for path in sorted(root.rglob("*.*")) if path.suffix != ".jpg"]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damage(name, data):
    with tempfile.TemporaryDirectory() as folder:
        path = data.draw(st.sampled_from(write(Path(folder), name)))
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        junk = data.draw(st.sampled_from(JUNK).map(str.encode) | st.binary(max_size=3))
        path.write_bytes(content[:start] + junk + content[start + data.draw(st.integers(0, 9)) :])
        try:
            found = read(folder, data.draw(st.sampled_from([None, name])))
        except FoveaError:  # its text is one line
            return
        for picture in found.pictures if found else ():
            x0, y0, x1, y1 = picture.boxes.corners.T
            assert ((x0 >= 0) & (x0 < x1) & (x1 <= picture.width)).all()
            assert ((y0 >= 0) & (y0 < y1) & (y1 <= picture.height)).all()

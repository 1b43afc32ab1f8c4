"""CSV, LabelMe and CVAT."""

import pytest

from fovea.detection.formats import read
from fovea.errors import DataError
from tests import boxed

W, H = boxed.SIZE
FOUND = ("cat", 5, 6, 25, 16)


@pytest.mark.parametrize(
    "table",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,60,40,cat,5,6,25,16\n",
        "\ufeffimage_path;label;x_max;y_max;x_min;y_min\r\nC:\\data\\a.jpg;cat;25;16;5;6\r\n",
        "File\tX1\tY1\tX2\tY2\tClass\n./a.jpg\t5\t6\t25\t16\tcat\n",
        "ImageID,x0,y0,x1,y1,LabelName\na.jpg,5,6,25,16,cat\n",
        "data/a.jpg,5,6,25,16,cat\n",
        "a.jpg,cat,5,6,25,16\n",
        "a.jpg,60,40,cat,5,6,25,16\n",
        f"file,class,xmin,ymin,xmax,ymax\na.jpg,cat,{5 / W},{6 / H},{25 / W},{16 / H}\n",
        'filename,class,xmin,ymin,xmax,ymax\n"a.jpg","cat","5","6","25","16"\n',
    ],
)
def test_tables(tmp_path, table):
    boxed.picture(tmp_path / "a.jpg")
    boxed.text(tmp_path / "labels.csv", table)
    data = read(tmp_path)
    assert data.format == "csv"
    assert boxed.boxes(data)["a.jpg"] == [pytest.approx(FOUND)]
    assert data.bad == []


def test_a_table_with_negatives_faults_and_parts(tmp_path):
    for name in "abcd":
        boxed.picture(tmp_path / "images" / f"{name}.jpg")
    boxed.text(
        tmp_path / "train_labels.csv",
        "a.jpg,5,6,25,16,cat\na.jpg,5,6,25,16,cat\nb.jpg,,,,,\na.jpg,x,6,25,16,cat\na.jpg,1,2,3\ngone.jpg,5,6,25,16,cat\n",
    )
    boxed.text(tmp_path / "test_labels.csv", "c.jpg,1,1,9,9,dog\n")
    data = read(tmp_path)
    assert boxed.boxes(data) == {
        "images/a.jpg": [FOUND], "images/b.jpg": [], "images/c.jpg": [("dog", 1, 1, 9, 9)]
    }  # fmt: skip
    assert boxed.faults(data) == [
        ("train_labels.csv", 2, "dropped", "the same as label 1"),
        ("train_labels.csv", 4, "dropped", "not four finite numbers"),
        ("train_labels.csv", 5, "dropped", "expected 6 columns, got 4"),
    ]
    assert boxed.orphans(data) == [("train_labels.csv", 6, "gone.jpg")]
    assert "1 picture (images/d.jpg) without a label file: left out" in data.notes
    assert len(data.parts["test"]) == 1


def labelme(root, *shapes, name="a", **more):
    boxed.picture(root / f"{name}.jpg")
    content = {"imagePath": f"..\\pictures\\{name}.jpg", "imageData": None, "imageHeight": H, "imageWidth": W}
    boxed.write_json(root / f"{name}.json", {"shapes": list(shapes), **content, **more})


def shape(points, kind="rectangle", label="cat"):
    return {"label": label, "points": points, "shape_type": kind}


@pytest.mark.parametrize(
    ("points", "kind"),
    [
        ([[5, 6], [25, 16]], "rectangle"), ([[25, 16], [5, 6]], "rectangle"),
        ([[25, 6], [5, 16]], "rectangle"),
        ([[5, 6], [25, 7], [8, 16]], "polygon"), ([[5, 6], [25, 7], [8, 16]], None),
    ],
)  # fmt: skip
def test_labelme(tmp_path, points, kind):
    labelme(tmp_path, shape(points, kind))
    data = read(tmp_path)
    assert data.format == "labelme"
    assert boxed.boxes(data)["a.jpg"] == [FOUND]


def test_labelmes_circles_points_and_faults(tmp_path):
    labelme(
        tmp_path, shape([[20, 20], [23, 24]], "circle"), shape([[3, 3]], "point"), shape([[3, None], [4, 4]]),
        shape("xy"), {"label": "cat"}, 7, shape([], "polygon"),
    )  # fmt: skip
    data = read(tmp_path)
    assert boxed.boxes(data)["a.jpg"] == [("cat", 15, 15, 25, 25)]
    assert [(line, why) for _, line, _, why in boxed.faults(data)] == [
        (2, "a point has no box"), (3, "not four finite numbers"), (4, "no list of points x, y"),
        (5, "no list of points x, y"), (6, "no list of points x, y"), (7, "not four finite numbers"),
    ]  # fmt: skip


def test_damaged_files_of_labelme_cost_their_labels(tmp_path):
    for name in "abc":
        labelme(tmp_path, shape([[5, 6], [25, 16]]), name=name)
    (tmp_path / "a.json").write_text('{"shapes": [')
    (tmp_path / "b.json").write_text('{"shapes": ' + "[" * 200 + "]" * 200 + "}")
    (tmp_path / "other.json").write_text('{"version": 1}')
    data = read(tmp_path)
    assert boxed.boxes(data) == {"b.jpg": [], "c.jpg": [FOUND]}
    assert [(file, line) for file, line, *_ in data.bad] == [("a.json", None), ("b.json", 1)]
    assert "other.json: not read, as it has no list of shapes" in data.notes


def cvat(root, shapes, name="a.jpg", more=""):
    boxed.picture(root / "images" / name)
    boxed.text(
        root / "annotations.xml",
        f'<?xml version="1.0"?>\n<annotations><version>1.1</version><meta/>'
        f'<image id="0" name="{name}" width="{W}" height="{H}" {more}>{shapes}</image></annotations>',
    )


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="cat" xtl="5" ytl="6" xbr="25" ybr="16"><attribute name="a">b</attribute></box>',
        '<box label="cat" xtl="10" ytl="1" xbr="20" ybr="21" rotation="90"/>',
        '<polygon label="cat" points="5,6;25,7;8,16"/>',
        '<polyline label="cat" points="5,6;25,7;8,16"/>',
        '<ellipse label="cat" cx="15" cy="11" rx="10" ry="5"/>',
        '<mask label="cat" rle="1" left="5" top="6" width="20" height="10"/>',
    ],
)
def test_cvat(tmp_path, shape):
    cvat(tmp_path, shape, more='subset="Validation"')
    data = read(tmp_path)
    assert data.format == "cvat"
    assert boxed.boxes(data)["images/a.jpg"] == [pytest.approx(FOUND)]
    assert list(data.parts) == ["val"]


def test_cvats_faults(tmp_path):
    cvat(tmp_path, '<tag label="x"/><points label="cat" points="1,2"/><polygon label="cat" points="1;2"/>'
                   '<box label="cat" xtl="5" ytl="6" xbr="25" ybr="16"/>')  # fmt: skip
    data = read(tmp_path)
    assert boxed.boxes(data)["images/a.jpg"] == [FOUND]
    assert [(line, why) for _, line, _, why in boxed.faults(data)] == [
        (2, "a shape 'points' has no box"), (3, "not four finite numbers")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><annotations/>", "expected XML, got a <!DOCTYPE"),
        ("<annotations><image>", "expected XML, got no element found"),
        ("<annotations><track/></annotations>", "expected CVAT for images, got CVAT for video"),
    ],
)
def test_cvat_files_that_are_refused(tmp_path, text, message):
    boxed.picture(tmp_path / "a.jpg")
    boxed.text(tmp_path / "annotations.xml", text)
    with pytest.raises(DataError, match=message):
        read(tmp_path)

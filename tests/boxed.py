"""Small data sets with boxes, in every format."""

import json
from pathlib import Path

from PIL import Image

SIZE = 60, 40  # width and height of the pictures


def picture(path, size=SIZE, mode="RGB", orientation=None, kind=None):
    """A flat picture."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new(mode, size, 128 if mode == "L" else (10, 200, 30, 255)[: len(mode)]).save(path, kind, exif=exif)
    return path


def text(path, content):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def write_json(path, content):
    return text(path, json.dumps(content))


def voc(path, objects, size=SIZE, filename=""):
    """An xml file; objects: (name, xmin, ymin, xmax, ymax)."""
    entries = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax>"
        f"<ymax>{y1}</ymax></bndbox></object>" for name, x0, y0, x1, y1 in objects
    )  # fmt: skip
    head = f"<filename>{filename}</filename><size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return text(path, f"<annotation>{head}{entries}</annotation>")


def coco(path, pictures, categories, **more):
    """A json file; pictures: file name → (category id, x, y, w, h) of each box."""
    images = [
        {"id": i, "file_name": name, "width": SIZE[0], "height": SIZE[1]} for i, name in enumerate(pictures)
    ]
    annotations = [
        {"id": 0, "image_id": i, "category_id": which, "bbox": box, **more}
        for i, boxes in enumerate(pictures.values()) for which, *box in boxes
    ]  # fmt: skip
    names = [{"id": i, "name": name} for i, name in categories.items()]
    return write_json(path, {"images": images, "annotations": annotations, "categories": names})


def boxes(data):
    """File → (class, x0, y0, x1, y1) of each box; files relative to the data's folder."""
    return {
        Path(picture.file).relative_to(data.root).as_posix(): [
            (data.classes[which], *corners)
            for which, corners in zip(picture.boxes.classes, picture.boxes.corners.tolist(), strict=True)
        ]
        for picture in data.pictures
    }


def orphans(data):
    """(file, line, name) of every label for a picture that is not there."""
    return [(bad.file, bad.line, bad.why.removeprefix("there is no picture ")) for bad in data.orphans]


def faults(data):
    """(file, line, what, the beginning of why) of every bad label."""
    return [(bad.file, bad.line, bad.what, bad.why.partition(":")[0]) for bad in data.bad]

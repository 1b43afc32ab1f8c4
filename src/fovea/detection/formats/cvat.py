"""CVAT for images: one xml file with all pictures; a shape becomes the box around it.

CVAT's other exports are YOLO, COCO and Pascal VOC.
"""

import re
from math import cos, radians, sin
from pathlib import Path
from xml.etree.ElementTree import Element

from fovea import files
from fovea.detection.formats.labels import Label, Parsed, Sheet, bounds, named, number, size
from fovea.detection.formats.source import Source, head, of_parts, part_of_file, part_of_folder
from fovea.errors import DataError, mismatch
from fovea.files import xmls

_SIDES = ("xtl", "ytl", "xbr", "ybr")


def found(source: Source) -> str | None:
    """A file in this format."""
    return next(filter(_is_cvat, source.sniffed(".xml")), None)


def parse(source: Source) -> Parsed:
    parsed = Parsed("an .xml file of CVAT for images")
    for path in of_parts([path for path in source.files(".xml") if _is_cvat(path)], source, parsed.notes):
        file = source.relative(path)
        root = xmls.loads(files.read(path, "CVAT's xml"), path)
        if root.find("track") is not None:
            remedy = "export the task as CVAT for images 1.1, with its pictures"
            raise DataError(mismatch(path, "CVAT for images", "CVAT for video", remedy))
        near = str(Path(path).parent), str(Path(path).parent / "images")
        line = 0
        for image in root.findall("image"):
            name, labels = image.get("name", ""), []
            for shape in image:
                line += 1
                corners = _corners(shape)
                if corners is not None:
                    labels.append(Label(line, named(shape.get("label")), corners))
                elif shape.get("label") is not None and shape.tag != "tag":
                    parsed.drop(file, line, f"a shape {shape.tag!r} has no box")
            picture = source.find(name, *near)
            if picture is None:
                parsed.no_picture(file, None, name)
                continue
            subset = part_of_folder(f"{image.get('subset', '')}/x") or part_of_file(file)
            stated = size(image.get("height"), image.get("width"))
            parsed.sheets.append(
                Sheet(picture, file, labels, stated, subset or part_of_folder(source.relative(picture)))
            )
    parsed.unlabelled = source.without(sheet.picture for sheet in parsed.sheets)
    return parsed


def _corners(shape: Element) -> tuple[float, float, float, float] | None:
    """The box around a shape, None if it has none."""
    value = {key: number(text) for key, text in shape.items()}
    if shape.tag == "box":
        x0, y0, x1, y1 = (value.get(side, float("nan")) for side in _SIDES)
        return _turned((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, value.get("rotation", 0))
    if shape.tag in ("polygon", "polyline"):
        pairs = (point.partition(",")[::2] for point in shape.get("points", "").split(";"))
        return bounds((number(x), number(y)) for x, y in pairs)
    if shape.tag == "ellipse":
        cx, cy, rx, ry = (value.get(key, float("nan")) for key in ("cx", "cy", "rx", "ry"))
        return cx - rx, cy - ry, cx + rx, cy + ry
    if shape.tag == "mask":
        left, top, width, height = (
            value.get(key, float("nan")) for key in ("left", "top", "width", "height")
        )
        return left, top, left + width, top + height
    return None


def _turned(x: float, y: float, w: float, h: float, degrees: float) -> tuple[float, float, float, float]:
    """The box around one that is turned about its middle."""
    if not degrees:
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2
    c, s = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    w, h = w * c + h * s, w * s + h * c
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _is_cvat(path: str) -> bool:
    return re.search(rb"<annotations[\s/>]", head(path)) is not None

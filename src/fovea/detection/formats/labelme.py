"""LabelMe: one json file per picture, with shapes; all but points and lines have a box around them."""

import re
from math import dist
from typing import Any

from fovea.detection.formats.labels import Label, Parsed, Sheet, bounds, named, number, size
from fovea.detection.formats.source import Source, head, part_of_folder
from fovea.errors import DataError, reason
from fovea.files import jsons

LIMIT = 256 << 20  # bytes of one json file, which may have the picture itself in it


def found(source: Source) -> str | None:
    """A file in this format."""
    return next(filter(_is_labelme, source.sniffed(".json")), None)


def parse(source: Source) -> Parsed:
    parsed = Parsed("a .json file of its name beside each picture")
    for path in source.files(".json"):
        file = source.relative(path)
        text = parsed.read(path, file, "LabelMe's json", LIMIT)
        content = None
        try:
            content = None if text is None else jsons.loads(text, path, strict=False)
        except DataError as error:
            parsed.drop(file, None, reason(error, path))
        shapes = content.get("shapes") if isinstance(content, dict) else None
        if content is not None and not isinstance(shapes, list):
            parsed.notes.append(f"{file}: not read, as it has no list of shapes")
            continue
        name = content.get("imagePath") if isinstance(content, dict) else None
        picture = source.counterpart(path, name if isinstance(name, str) else None)
        if picture is None:
            parsed.no_picture(file)
        elif not isinstance(content, dict) or not isinstance(shapes, list):
            parsed.unread.append(picture)
        else:
            labels = [label for i, shape in enumerate(shapes, 1) if (label := _label(shape, i, file, parsed))]
            stated = size(content.get("imageHeight"), content.get("imageWidth"))
            parsed.sheets.append(Sheet(picture, file, labels, stated, part_of_folder(file)))
    parsed.unlabelled = source.without([sheet.picture for sheet in parsed.sheets] + parsed.unread)
    return parsed


def _label(shape: Any, number_: int, file: str, parsed: Parsed) -> Label | None:
    try:
        points = [(number(x), number(y)) for x, y in shape["points"]]
        kind = shape.get("shape_type") or "polygon"
    except (TypeError, KeyError, ValueError, AttributeError):
        parsed.drop(file, number_, "no list of points x, y")
        return None
    if kind in ("point", "points", "line"):
        parsed.drop(file, number_, f"a {kind} has no box")
        return None
    if kind == "circle" and len(points) == 2:
        (x, y), radius = points[0], dist(*points)
        points = [(x - radius, y - radius), (x + radius, y + radius)]
    return Label(number_, named(shape.get("label")), bounds(points), shape.get("difficult") is True)


def _is_labelme(path: str) -> bool:
    start = head(path)
    return bool(
        re.search(rb'"shapes"\s*:', start) or (b'"imageData"' in start and b'"categories"' not in start)
    )

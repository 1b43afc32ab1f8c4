"""COCO: json files with images, categories, and annotations with bbox = x, y, width, height.

Categories are matched by name, as each file may number them differently. A file is for the part in its name
(instances_val2017.json) or its folder (valid/_annotations.coco.json).
"""

import mmap
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from fovea import files
from fovea.detection.formats.labels import Label, Parsed, Sheet, named, number, size
from fovea.detection.formats.source import Source, of_parts, part_of_file
from fovea.errors import DataError, mismatch
from fovea.files import jsons

LIMIT = 512 << 20  # bytes of one json file; COCO's own has 448 MB
_TABLES = ("images", "annotations", "categories")
_KEYS = [rf'"{key}"\s*:'.encode() for key in _TABLES]


def found(source: Source) -> str | None:
    """A file in this format."""
    return next(filter(_is_coco, source.sniffed(".json")), None)


def parse(source: Source) -> Parsed:
    parsed = Parsed("a json file with images, annotations and categories")
    paths = [path for path in source.files(".json") if _is_coco(path)]
    # COCO has the same boxes again in person_keypoints_*.json
    instances = [path for path in paths if Path(path).name.startswith("instances")]
    for path in of_parts(instances or paths, source, parsed.notes):
        content = jsons.loads(files.read(path, "COCO's json", LIMIT), path, strict=False)
        _read(content, path, source.relative(path), source, parsed)
    parsed.unlabelled = source.without(sheet.picture for sheet in parsed.sheets)
    return parsed


def _read(content: Any, path: str, file: str, source: Source, parsed: Parsed) -> None:
    tables = [content.get(key) if isinstance(content, dict) else None for key in _TABLES]
    rows = [table for table in tables if isinstance(table, list) and all(isinstance(r, dict) for r in table)]
    if len(rows) < len(_TABLES):
        raise DataError(mismatch(path, "COCO's lists images, annotations and categories", "something else"))
    images, annotations, categories = rows
    names = {_id(row.get("id")): named(row.get("name")) for row in categories}
    order = sorted(names, key=lambda id_: (isinstance(id_, str), id_))
    parsed.classes += [names[id_] for id_ in order if names[id_] not in parsed.classes]

    labels: dict[Any, list[Label]] = defaultdict(list)
    known = {_id(row.get("id")) for row in images}
    for line, row in enumerate(annotations, start=1):
        box, category, image = row.get("bbox"), _id(row.get("category_id")), _id(row.get("image_id"))
        if image not in known:
            parsed.drop(file, line, f"image_id {row.get('image_id')}, which no image has")
        elif category not in names:
            parsed.drop(file, line, f"category_id {row.get('category_id')}, which no category has")
        elif not isinstance(box, list) or len(box) != 4:
            parsed.drop(file, line, "no bbox of four numbers")
        else:
            x, y, w, h = map(number, box)
            hard, crowd = (number(row.get(key)) == 1 for key in ("difficult", "iscrowd"))
            labels[image].append(Label(line, names[category], (x, y, x + w, y + h), hard, crowd))

    folder, part = str(Path(path).parent), part_of_file(file)
    usual = [Path("images"), *([Path(part), Path("images", part)] if part else [])]
    near = [
        folder,
        *(str(base / below) for base in (source.root, Path(path).parent.parent) for below in usual),
    ]
    for row in images:
        name = row.get("file_name")
        picture = source.find(name, *near, part=part) if isinstance(name, str) else None
        if picture is None:
            parsed.no_picture(file, None, str(name))
        else:
            stated = size(row.get("height"), row.get("width"))
            parsed.sheets.append(Sheet(picture, file, labels[_id(row.get("id"))], stated, part))


def _id(value: Any) -> Any:
    """An id, which may be a number or text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | str) else str(value)


def _is_coco(path: str) -> bool:
    """True if the file has COCO's keys, wherever they are; a file that is too large is judged by its name."""
    try:
        with files.open_regular(path, "labels") as file:
            if path.endswith(".coco.json"):
                return True
            if Path(path).stat().st_size > LIMIT:
                return re.search(r"annotation|instances|coco", Path(path).name.casefold()) is not None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return all(re.search(key, content) for key in _KEYS)
    except (OSError, DataError, ValueError):  # ValueError: an empty file
        return False

"""Tables (CSV) with a row per box: a header with filename, class, xmin, ymin, xmax, ymax, in any order; or
none, and rows path, x0, y0, x1, y1, class, where empty fields mean a picture without objects."""

import csv
import io
import os
import re
from dataclasses import dataclass

from fovea import files
from fovea.detection.formats.labels import Label, Parsed, Sheet, named, number, size
from fovea.detection.formats.source import Source, head, of_parts, part_of_file
from fovea.errors import DataError, mismatch
from fovea.images import EXTENSIONS

_HEADERS = {
    "file": ("filename", "file", "image", "path", "imagepath", "imagename", "img", "imageid", "filepath"),
    "name": ("class", "label", "name", "classname", "labelname", "category", "object"),
    "x0": ("xmin", "bboxxmin", "left", "x0", "x1"), "y0": ("ymin", "bboxymin", "top", "y0", "y1"),
    "x1": ("xmax", "bboxxmax", "right", "x2", "x1"), "y1": ("ymax", "bboxymax", "bottom", "y2", "y1"),
    "width": ("width", "imagewidth", "imgwidth"), "height": ("height", "imageheight", "imgheight"),
}  # fmt: skip
_NEEDED = ("file", "name", "x0", "y0", "x1", "y1")
_PLAIN = (
    ("file", "x0", "y0", "x1", "y1", "name"), ("file", "name", "x0", "y0", "x1", "y1"),
    ("file", "width", "height", "name", "x0", "y0", "x1", "y1"),
)  # fmt: skip


@dataclass
class _Columns:
    """The place of each column, what separates them, and whether the first line names them."""

    places: dict[str, int]
    delimiter: str
    header: bool


def found(source: Source) -> str | None:
    """A file in this format."""
    return next((path for path in source.sniffed(".csv") if _columns(head(path))), None)


def parse(source: Source) -> Parsed:
    parsed = Parsed("a csv file with filename, class, xmin, ymin, xmax and ymax")
    sheets: dict[tuple[str, str], Sheet] = {}
    for path in of_parts([p for p in source.files(".csv") if _columns(head(p))], source, parsed.notes):
        _read(path, source, parsed, sheets)
    parsed.sheets = list(sheets.values())
    corners = [value for sheet in parsed.sheets for label in sheet.labels for value in label.corners]
    parsed.relative = bool(corners) and not any(value > 1 for value in corners)
    parsed.unlabelled = source.without(sheet.picture for sheet in parsed.sheets)
    return parsed


def _read(path: str, source: Source, parsed: Parsed, sheets: dict[tuple[str, str], Sheet]) -> None:
    content, file = files.read(path, "a table of boxes"), source.relative(path)
    columns = _columns(content)
    assert columns is not None
    text = content.decode("utf-8-sig", "surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=columns.delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if not any(row) or (columns.header and reader.line_num == 1):
                continue
            if len(row) <= max(columns.places.values()):
                parsed.drop(
                    file,
                    reader.line_num,
                    f"expected {1 + max(columns.places.values())} columns, got {len(row)}",
                )
                continue
            value = {column: row[place].strip() for column, place in columns.places.items()}
            picture = source.find(value["file"], os.path.dirname(path), part=part_of_file(file))  # noqa: PTH120
            if picture is None:
                parsed.no_picture(file, reader.line_num, value["file"])
                continue
            sheet = sheets.setdefault(
                (file, picture), Sheet(picture, file, [], part=_part(file, picture, source))
            )
            sheet.size = sheet.size or size(value.get("height"), value.get("width"))
            sides = [value[side] for side in ("x0", "y0", "x1", "y1")]
            if any(sides) or value["name"]:
                x0, y0, x1, y1 = map(number, sides)
                sheet.labels.append(Label(reader.line_num, named(value["name"]), (x0, y0, x1, y1)))
    except csv.Error as error:
        raise DataError(mismatch(path, "a table", error)) from error


def _part(file: str, picture: str, source: Source) -> str | None:
    return part_of_file(file) or part_of_file(f"{source.relative(picture).rpartition('/')[0]}/-")


def _columns(content: bytes) -> _Columns | None:
    """The columns of a table, None if they are not those of boxes."""
    for line in content[: 1 << 16].decode("utf-8-sig", "replace").splitlines()[:50]:
        delimiter = max(",;\t", key=line.count)
        row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        cells = [re.sub(r"[\s_.-]", "", cell.casefold()) for cell in row]
        places: dict[str, int] = {}
        for column, names in _HEADERS.items():
            for name in names:
                if name in cells and cells.index(name) not in places.values():
                    places[column] = cells.index(name)
                    break
        if places.keys() >= {*_NEEDED}:
            return _Columns(places, delimiter, True)
        if not row or not row[0].lower().strip().endswith(EXTENSIONS):
            return None
        for plain in _PLAIN:
            value = dict(zip(plain, row, strict=False))
            if len(row) == len(plain) and all(
                number(value[s]) == number(value[s]) for s in ("x0", "y0", "x1", "y1")
            ):
                return _Columns({column: place for place, column in enumerate(plain)}, delimiter, False)
    return None

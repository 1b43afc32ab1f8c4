"""YOLO: a text file per picture with lines `class x y width height`: shares of the picture, from its centre.

Names and parts are those of data.yaml. Without one, parts come from lists (train.txt) or folders, and names
from classes.txt, obj.names or the like. A picture's label file is in labels where the picture is in images,
or beside it. A picture without one has no objects, by the format's rule. Longer lines are polygons, line by
line; a sixth number is a confidence.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fovea.detection.formats import data_yaml
from fovea.detection.formats.labels import Label, Parsed, Sheet, bounds, number
from fovea.detection.formats.source import Source, head, part_of_folder

LIMIT = 16 << 20  # bytes of one text file
_FOLDERS = {"images": "labels", "Images": "Labels", "JPEGImages": "labels"}  # the last is Darknet's
_SAMPLE = 100  # pictures whose label files are inspected to recognise the format
_ROW = re.compile(rb"\s*\d+(\.0+)?([\s,]+[-+.\deE]+){4,}[\s,]*$")


def found(source: Source) -> str | None:
    """A file in this format."""
    if (config := data_yaml.read(source)) is not None:
        return config[0]
    present = set(source.others)
    pictures = source.pictures[:: max(len(source.pictures) // _SAMPLE, 1)]
    for path in filter(present.__contains__, (label for p in pictures for label in _label_files(p))):
        if _is_row(path):
            return path
    return None


def parse(source: Source) -> Parsed:
    parsed = Parsed("a .txt file of its name, beside each picture or in labels for one in images")
    path, config = data_yaml.read(source) or (None, {})
    names = data_yaml.names(path, config, source, parsed)
    pictures = data_yaml.listed(path, config, source, parsed)
    if not pictures:
        path, pictures = None, {p: part_of_folder(source.relative(p)) for p in source.pictures}
    present, read = set(source.others), set[str]()
    for picture, part in pictures.items():
        label = next((p for p in _label_files(picture) if p in present or os.path.exists(p)), None)  # noqa: PTH110
        if label is None:
            parsed.unlabelled.append(picture)
            continue
        read.add(label)
        file = source.relative(label)
        content = parsed.read(label, file, "YOLO's text", LIMIT)
        if content is None:
            parsed.unread.append(picture)
        else:
            text = content.decode("utf-8-sig", "replace")
            labels = _labels(text, file, names, "kpt_shape" in config, parsed)
            parsed.sheets.append(Sheet(picture, file, labels, part=part))
    folders = {Path(label).parent for label in read}
    expected = read.union(label for picture in source.pictures for label in _label_files(picture))
    for other in source.files(".txt"):
        if other not in expected and Path(other).parent in folders and _is_row(other):
            parsed.no_picture(source.relative(other))
    if path is None:
        within = set(source.without(sheet.picture for sheet in parsed.sheets))
        parsed.unlabelled = [picture for picture in parsed.unlabelled if picture in within]
    parsed.sheets += [Sheet(picture, "", [], part=pictures[picture]) for picture in parsed.unlabelled]
    parsed.relative = True
    parsed.classes = list(dict.fromkeys(names[which] for which in sorted(names)))
    return parsed


def _labels(text: str, file: str, names: dict[int, str], poses: bool, parsed: Parsed) -> list[Label]:
    labels = []
    for line, row in enumerate(text.splitlines(), start=1):
        words = row.replace(",", " ").split()
        if not words:
            continue
        which, values = number(words[0]), [number(word) for word in words[1:]]
        if len(values) in (4, 5) or (poses and len(values) > 5):
            x, y, w, h = values[:4]
            corners = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        elif len(values) >= 6 and len(values) % 2 == 0:
            corners = bounds(zip(values[::2], values[1::2], strict=True))
        else:
            parsed.drop(file, line, f"expected 5 numbers, or a polygon's, got {len(words)}")
            continue
        if which not in names:
            parsed.drop(file, line, f"class {words[0]}, which has no name")
        else:
            labels.append(Label(line, names[int(which)], corners))
    return labels


def _is_row(path: str) -> bool:
    """True if the first line of a file is a label."""
    return _ROW.match(head(path).lstrip(b"\xef\xbb\xbf").strip().split(b"\n")[0]) is not None


def _label_files(picture: str) -> Iterator[str]:
    """The places of a picture's label file: the last folder images becomes labels; or beside it."""
    folder, name = os.path.split(picture)
    text = os.path.splitext(name)[0] + ".txt"  # noqa: PTH122
    for images, labels in _FOLDERS.items():
        before, found, after = f"{os.sep}{folder}{os.sep}".rpartition(f"{os.sep}{images}{os.sep}")
        if found:
            yield os.path.join(before[1:], labels, after, text)  # noqa: PTH118
    yield os.path.join(folder, text)  # noqa: PTH118

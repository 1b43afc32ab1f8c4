"""Pascal VOC: one xml file per picture, beside it or in Annotations; parts in ImageSets/Main/train.txt etc.

VOC counts pixels from 1 and a box includes its last: x0 = xmin − 1, x1 = xmax. Some programs write edges from
0 instead. One coordinate that is 0, negative or written with a decimal point tells that the whole set does.
"""

import os
from pathlib import Path
from xml.etree.ElementTree import Element

from fovea import files
from fovea.detection.formats.labels import Label, Parsed, Sheet, named, number, size
from fovea.detection.formats.source import Source, head, part_of_folder
from fovea.errors import DataError, reason
from fovea.files import xmls
from fovea.names import same

LIMIT = 10 << 20  # bytes of one xml file
SIDES = ("xmin", "ymin", "xmax", "ymax")
_LISTS = {"train": "train", "val": "val", "test": "test", "trainval": "train"}  # file → part


def found(source: Source) -> str | None:
    """A file in this format."""
    return next((path for path in source.sniffed(".xml") if b"<annotation>" in head(path)), None)


def parse(source: Source) -> Parsed:
    parsed = Parsed("an .xml file of its name, beside each picture or in the folder Annotations")
    lists = _lists(source)
    texts: list[str] = []
    for path in source.files(".xml"):
        file = source.relative(path)
        content = parsed.read(path, file, "Pascal VOC's xml", LIMIT)
        root, why = None, ""
        try:
            root = None if content is None else xmls.loads(content, path)
        except DataError as error:
            why = reason(error, path)
        if root is not None and root.tag != "annotation":
            parsed.notes.append(f"{file}: not read, as it is not Pascal VOC")
            continue
        picture = source.counterpart(path, None if root is None else root.findtext("filename"))
        if root is None:
            if why:
                parsed.drop(file, None, why)
            parsed.unread += [picture] if picture else []
        elif picture is None:
            parsed.orphans.append(file)
        else:
            labels = _labels(root, file, parsed, texts)
            stated = size(root.findtext("size/height"), root.findtext("size/width"))
            part, listed = _part(path, lists, source)
            if not listed:
                parsed.unlisted.append(picture)
            else:
                parsed.sheets.append(Sheet(picture, file, labels, stated, part))
    parsed.first = 0 if any("." in text or number(text) < 1 for text in texts) else 1
    labelled = [sheet.picture for sheet in parsed.sheets] + parsed.unread + parsed.unlisted
    parsed.unlabelled = source.without(labelled)
    return parsed


def _labels(root: Element, file: str, parsed: Parsed, texts: list[str]) -> list[Label]:
    labels = []
    for number_, entry in enumerate(root.findall("object"), start=1):
        box = entry.find("bndbox")
        if box is None:
            parsed.drop(file, number_, "no bndbox")
            continue
        sides = [(box.findtext(side) or "").strip() for side in SIDES]
        texts += sides
        x0, y0, x1, y1 = map(number, sides)
        difficult = (entry.findtext("difficult") or "").strip() == "1"
        labels.append(Label(number_, named(entry.findtext("name")), (x0, y0, x1, y1), difficult))
    return labels


def _lists(source: Source) -> dict[str, dict[str, str]]:
    """The lists of parts: the folder above ImageSets → the names in them → the part."""
    lists: dict[str, dict[str, str]] = {}
    files_ = [Path(path) for path in source.files(".txt")]
    files_ = [file for file in files_ if file.parent.parts[-2:] == ("ImageSets", "Main")]
    for stem, part in _LISTS.items():
        for file in files_:
            known = (
                lists.setdefault(str(file.parent.parent.parent), {}) if file.stem.casefold() == stem else None
            )
            if known is None or (stem == "trainval" and "train" in known.values()):
                continue
            text = files.read(file, "a list of pictures").decode("utf-8-sig", "surrogateescape")
            for line in same(text).splitlines():
                known.setdefault(line, part)
                known.setdefault(line.strip(), part)
    return lists


def _part(path: str, lists: dict[str, dict[str, str]], source: Source) -> tuple[str | None, bool]:
    """The part of an xml file, and whether the lists have it, if there are some."""
    for base, known in lists.items():
        if path.startswith(base + os.sep):
            name = Path(same(path[len(base) + 1 :])).with_suffix("")
            below = Path(*name.parts[1:]).as_posix()
            found = next((known[text] for text in (below, name.name) if text in known), None)
            return found, found is not None
    return part_of_folder(source.relative(path)), True

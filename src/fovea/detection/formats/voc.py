"""Pascal VOC: one xml file per picture, beside it or in Annotations; parts in ImageSets/Main/train.txt etc.

VOC counts pixels from 1 and a box includes its last: x0 = xmin − 1, x1 = xmax. Some programs write edges from
0 instead. A single coordinate that is 0, negative or written with a decimal point makes the whole set
0-based.
"""

import re
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from fovea import files
from fovea.detection.formats.labels import Label, Parsed, Sheet, named, number, size
from fovea.detection.formats.source import Source, head, part_of_folder
from fovea.errors import DataError, reason
from fovea.files import xmls
from fovea.images import is_picture
from fovea.names import same

LIMIT = 10 << 20  # bytes of one xml file
SIDES = ("xmin", "ymin", "xmax", "ymax")
_LISTS = {"train": "train", "val": "val", "test": "test", "trainval": "train"}  # file → part


def found(source: Source) -> str | None:
    """A file in this format."""
    return next(
        (path for path in source.sniffed(".xml") if re.search(rb"<annotation[\s>]", head(path))), None
    )


def parse(source: Source) -> Parsed:
    parsed = Parsed("an .xml file of its name, beside each picture or in the folder Annotations")
    lists, unlisted = _lists(source), []
    texts: list[str] = []
    for path in source.files(".xml"):
        file = source.relative(path)
        root, why = _root(path)
        if root is not None and root.tag != "annotation":
            parsed.notes.append(f"{file}: not read, as it is not Pascal VOC")
            continue
        picture = source.counterpart(path, None if root is None else root.findtext("filename"))
        if root is None:
            parsed.drop(file, None, why)
            parsed.unread += [picture] if picture else []
        elif picture is None:
            parsed.no_picture(file)
        else:
            labels = _labels(root, file, parsed, texts)
            stated = size(root.findtext("size/height"), root.findtext("size/width"))
            part, listed = _part(file, lists)
            (parsed.sheets if listed else unlisted).append(Sheet(picture, file, labels, stated, part))
    if parsed.sheets:
        parsed.unlisted = [sheet.picture for sheet in unlisted]
    elif unlisted:
        parsed.notes.append("ImageSets/Main has none of the pictures in its lists, which are ignored")
        parsed.sheets = unlisted
    parsed.first = 0 if any("." in text or number(text) < 1 for text in texts) else 1
    labelled = [sheet.picture for sheet in parsed.sheets] + parsed.unread + parsed.unlisted
    parsed.unlabelled = source.without(labelled)
    return parsed


def _root(path: str) -> tuple[Element | None, str]:
    """The root of an xml file, or why there is none."""
    try:
        return xmls.loads(files.read(path, "Pascal VOC's xml", LIMIT), path), ""
    except (OSError, DataError) as error:
        return None, reason(error, path)


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
    """The lists of parts: the folder above ImageSets, "" or with a slash → the names in them → the part."""
    lists: dict[str, dict[str, str]] = {}
    for stem, part in _LISTS.items():
        for path in source.files(".txt"):
            base, main, name = source.relative(path).rpartition("ImageSets/Main/")
            known = lists.setdefault(base, {}) if main and name.casefold() == f"{stem}.txt" else None
            if known is None or (stem == "trainval" and "train" in known.values()):
                continue
            text = files.read(path, "a list of pictures").decode("utf-8-sig", "surrogateescape")
            for line in same(text).splitlines():
                for name in (line, line.strip()):
                    known.setdefault(str(Path(name).with_suffix("")) if is_picture(name) else name, part)
    return lists


def _part(file: str, lists: dict[str, dict[str, str]]) -> tuple[str | None, bool]:
    """The part of an xml file, and whether the lists have it, if there are some."""
    for base, known in lists.items():
        if file.startswith(base):
            name = PurePosixPath(same(file[len(base) :])).with_suffix("")
            below = str(PurePosixPath(*name.parts[1:]))
            found = next((known[text] for text in (below, name.name) if text in known), None)
            return found, found is not None
    return part_of_folder(file), True

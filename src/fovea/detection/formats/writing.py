"""Boxes written in another format, with copies of their pictures: a folder that is there whole or not at all.

    yolo    data.yaml, images/<part>/*, labels/<part>/*.txt
    coco    annotations/instances_<part>.json, <part>/*
    voc     JPEGImages/*, Annotations/*.xml, ImageSets/Main/<part>.txt

Read again, the boxes are the same.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from fovea.data.split import relative
from fovea.detection.formats import voc
from fovea.detection.formats.labels import BAD_LABELS, Labelled, Picture
from fovea.detection.formats.source import LABELS, PICTURES, part_of_folder
from fovea.errors import DataError, mismatch
from fovea.files import expanded, jsons, yamls
from fovea.names import counted, same, visible

_Named = dict[str, list[tuple[PurePosixPath, Picture]]]  # the pictures of each part, by their new names
_STRUCTURE = {*PICTURES, *LABELS, "obj_train_data", "voc2007", "voc2012"}


def write(
    data: Labelled,
    format: str,
    out: Path | str,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[str]:
    """Write the folder `out`, which may not exist yet; returns lines about losses. `progress(done, total)`
    counts pictures.

    Raises DataError for another format, or if `out` exists or is inside the data, and OSError if it cannot
    be written; then nothing is left of it.
    """
    check_writable(format)
    out = expanded(out)
    if out.exists() or out.is_symlink():
        raise DataError(mismatch(f"--out {out}", "a new folder", "one that exists", "choose another name"))
    if out.resolve().is_relative_to(data.root.resolve()):
        raise DataError(mismatch(f"--out {out}", "a folder outside the data", f"one in {data.root}"))
    folder, labels = WRITERS[format]
    named, total, done = _names(data), len(data.pictures), 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name[:40]}.", dir=out.parent) as temporary:
        place = Path(temporary) / "whole"
        place.mkdir()
        for part, pictures in named.items():
            for name, picture in pictures:
                shutil.copyfile(picture.file, _within(place / folder.format(part=part) / name))
                done += 1
                progress(done, total)
        for file, text in labels(data, named).items():
            _within(place / file).write_bytes(text.encode())
        if data.bad or data.orphans:
            data.write_bad_labels(place / BAD_LABELS)
        place.rename(out)
    return _losses(data, format)


def check_writable(format: str) -> None:
    """Raise DataError unless boxes can be written in this format."""
    if format not in WRITERS:
        raise DataError(mismatch("--to", f"one of {', '.join(WRITERS)}", repr(format)))


def _within(path: Path) -> Path:
    """`path`, with its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _names(data: Labelled) -> _Named:
    """The new path of every picture: its own in the data's folder, without folders such as images or train.
    No two differ in case or extension only, as they would share a label file."""
    taken: set[str] = set()
    named: _Named = {}
    for part, pictures in data.parts.items():
        named[part] = []
        for picture in pictures:
            inside = relative(picture.file, str(data.root))
            *folders, file = Path(inside).parts
            outside = inside == picture.file and Path(inside).is_absolute()
            inner = [] if outside else [name for name in folders if not _is_structure(name)]
            name = PurePosixPath(*map(_plain, (*inner, file)))
            stem, number = name.stem, 1
            while (key := same(str(name.with_suffix(""))).casefold()) in taken:
                number += 1
                name = name.with_name(f"{stem[:100]}-{number}{name.suffix}")
            taken.add(key)
            named[part].append((name, picture))
    return named


def _is_structure(folder: str) -> bool:
    return folder.casefold() in _STRUCTURE or part_of_folder(f"{folder}/") is not None


def _plain(name: str) -> str:
    """A file's name that every format can hold: in one line, and in UTF-8."""
    return "".join(char if visible(char) == char and char != "\\" else "_" for char in name)


def _yolo(data: Labelled, named: _Named) -> dict[str, str]:
    config = {part: f"images/{part}" for part in named} | {"names": dict(enumerate(data.classes))}
    files = {"data.yaml": yamls.dumps(config)}
    for part, pictures in named.items():
        for name, picture in pictures:
            boxes = picture.boxes[~picture.boxes.crowd]
            x0, y0, x1, y1 = boxes.corners.astype(float).T
            W, H = picture.width, picture.height
            columns = ((x0 + x1) / 2 / W, (y0 + y1) / 2 / H, (x1 - x0) / W, (y1 - y0) / H)
            rows = zip(boxes.classes.tolist(), *(column.tolist() for column in columns), strict=True)
            files[f"labels/{part}/{name.with_suffix('.txt')}"] = "".join(
                " ".join(map(repr, row)) + "\n" for row in rows
            )
    return files


def _coco(data: Labelled, named: _Named) -> dict[str, str]:
    categories = [{"id": i, "name": name} for i, name in enumerate(data.classes, start=1)]
    files = {}
    for part, pictures in named.items():
        entries, annotations = [], []
        for i, (name, picture) in enumerate(pictures, start=1):
            size = {"width": picture.width, "height": picture.height}
            entries.append({"id": i, "file_name": str(name), **size})
            boxes = picture.boxes
            for number, category in enumerate(boxes.classes.tolist()):
                x0, y0, x1, y1 = boxes.corners[number].tolist()
                hard = {"difficult": 1} if boxes.difficult[number] else {}
                annotations.append(
                    {
                        "id": len(annotations) + 1, "image_id": i, "category_id": category + 1,
                        "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
                        "iscrowd": int(boxes.crowd[number]), "segmentation": [], **hard,
                    }
                )  # fmt: skip
        content = {"images": entries, "annotations": annotations, "categories": categories}
        files[f"annotations/instances_{part}.json"] = jsons.dumps(content)
    return files


def _voc(data: Labelled, named: _Named) -> dict[str, str]:
    """In VOC's own numbers, from 1, where these can express all boxes; else edges from 0, with a point."""
    every = np.concatenate([picture.boxes.corners for picture in data.pictures])
    plain = bool((every == every.round()).all() and (every[:, 2:] - every[:, :2] > 1).all())
    files = {}
    for part, pictures in named.items():
        lines = [str(name.with_suffix("")) + "\n" for name, _ in pictures]
        files[f"ImageSets/Main/{part}.txt"] = "".join(lines)
        for name, picture in pictures:
            root = Element("annotation")
            SubElement(root, "filename").text = name.name
            size = SubElement(root, "size")
            for key, value in (("width", picture.width), ("height", picture.height), ("depth", 3)):
                SubElement(size, key).text = str(value)
            boxes = picture.boxes[~picture.boxes.crowd]
            for corners, which, hard in zip(boxes.corners, boxes.classes, boxes.difficult, strict=True):
                entry = SubElement(root, "object")
                SubElement(entry, "name").text = visible(data.classes[which])
                SubElement(entry, "difficult").text = str(int(hard))
                box = SubElement(entry, "bndbox")
                first = (1, 1, 0, 0)
                for side, value, more in zip(voc.SIDES, corners.tolist(), first, strict=True):
                    SubElement(box, side).text = str(int(value) + more) if plain else repr(value)
            indent(root)
            files[f"Annotations/{name.with_suffix('.xml')}"] = tostring(root, "unicode")
    return files


def _losses(data: Labelled, format: str) -> list[str]:
    """Lines about what a format cannot express."""
    crowds = sum(int(picture.boxes.crowd.sum()) for picture in data.pictures)
    hard = sum(int(picture.boxes.difficult.sum()) for picture in data.pictures)
    lines = []
    if crowds and format != "coco":
        lines.append(f"{counted(crowds, 'crowd region')} left out: only COCO has them")
    if hard and format == "yolo":
        lines.append(f"{hard:,} of the boxes are marked as difficult, which YOLO cannot express")
    return lines


# Format → the folder of a part's pictures, and its label files: path → text
WRITERS = {"yolo": ("images/{part}", _yolo), "coco": ("{part}", _coco), "voc": ("JPEGImages", _voc)}

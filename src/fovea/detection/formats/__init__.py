"""Formats of labels: a folder of pictures with boxes, in any of them, becomes `Labelled`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fovea.data import listing
from fovea.data.groups import parse as parse_groups
from fovea.detection.formats import coco, cvat, labelme, table, voc, yolo
from fovea.detection.formats.assembly import labelled
from fovea.detection.formats.labels import BadLabel, Labelled, Parsed, Picture
from fovea.detection.formats.source import Source
from fovea.errors import DataError, mismatch
from fovea.files import expanded

__all__ = ["FORMATS", "BadLabel", "Format", "Labelled", "Picture", "check_format", "none_found", "read"]


@dataclass(frozen=True)
class Format:
    """A format of labels.

    found: one of its files in a folder, or None. parse: the labels there.
    """

    title: str
    found: Callable[[Source], str | None]
    parse: Callable[[Source], Parsed]


FORMATS = {
    "yolo": Format("YOLO", yolo.found, yolo.parse),
    "coco": Format("COCO", coco.found, coco.parse),
    "voc": Format("Pascal VOC", voc.found, voc.parse),
    "cvat": Format("CVAT", cvat.found, cvat.parse),
    "labelme": Format("LabelMe", labelme.found, labelme.parse),
    "csv": Format("CSV", table.found, table.parse),
}


def check_format(name: str) -> None:
    """Raise DataError unless `name` is in `FORMATS`."""
    if name not in FORMATS:
        raise DataError(mismatch("--format", f"one of {', '.join(FORMATS)}", repr(name)))


def read(
    folder: str | os.PathLike[str], format: str | None = None, *, seed: int = 0, groups: str | None = None
) -> Labelled | None:
    """The pictures and boxes in `folder`, which may also be a data set's YAML; None if there are no boxes in
    a known format, as in a folder of classes.

    `format` is one of `FORMATS`, by default recognised. Data without parts is split by `seed`; `groups` names
    pictures that stay together (`data.groups`). Nothing in the folder is changed. Raises DataError for two
    formats in one folder, and for labels that cannot be used at all.
    """
    if format is not None:
        check_format(format)
    path, root = expanded(folder), _root(folder)
    if not root.is_dir():
        got = "a file" if root.exists() else "no such folder"
        raise DataError(mismatch(f"data {str(folder)!r}", "a folder of pictures with labels", got))
    listing.check_data(root)
    source = Source(root, None if path == root else path)
    name = format or _recognised(source)
    if name is None:
        return None
    grouping = None if groups is None else parse_groups(groups, root)
    parsed = FORMATS[name].parse(source)
    return labelled(source, parsed, name, FORMATS[name].title, seed, grouping)


def has_boxes(folder: str | os.PathLike[str]) -> bool:
    """True if there are boxes in a known format in `folder`, or in several. False if there is no folder."""
    path, root = expanded(folder), _root(folder)
    if not root.is_dir():
        return False
    source = Source(root, None if path == root else path)
    return any(format.found(source) for format in FORMATS.values())


def _root(folder: str | os.PathLike[str]) -> Path:
    """The folder itself, or that of a data set's YAML."""
    path = expanded(folder)
    return path.parent if path.suffix.lower() in (".yaml", ".yml") and path.is_file() else path


def none_found(folder: str | os.PathLike[str]) -> DataError:
    """The error if a folder has no boxes in any format, where some are needed."""
    titles = ", ".join(format.title for format in FORMATS.values())
    return DataError(mismatch(f"data {str(folder)!r}", f"pictures with boxes in one of {titles}", "none"))


def _recognised(source: Source) -> str | None:
    """The name of the one format in the folder."""
    found = {name: file for name, format in FORMATS.items() if (file := format.found(source))}
    if len(found) > 1:
        got = " and ".join(f"{FORMATS[name].title} ({source.relative(file)})" for name, file in found.items())
        remedy = f"choose one with --format {' or --format '.join(found)}"
        raise DataError(mismatch(str(source.root), "labels in one format", got, remedy))
    return next(iter(found), None)

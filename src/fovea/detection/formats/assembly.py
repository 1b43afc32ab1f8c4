"""A parsed folder turned into pictures by part, with their boxes, and remarks for people."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from fovea import images
from fovea.data.groups import Grouping
from fovea.detection.formats import remarks
from fovea.detection.formats.cleaning import cleaned
from fovea.detection.formats.labels import Labelled, Parsed, Picture, Sheet
from fovea.detection.formats.source import Source, part_of_folder
from fovea.detection.formats.splitting import PARTS, group_of, split
from fovea.errors import DataError, mismatch, reason
from fovea.names import counted, same


def labelled(
    source: Source, parsed: Parsed, name: str, title: str, seed: int, grouping: Grouping | None
) -> Labelled:
    """The pictures and boxes of a folder in the format `name`. Raises DataError if there are no boxes, or if
    more than half of the pictures have no label file."""
    notes, bad = parsed.notes, parsed.bad
    _check_labels(source, parsed, title)
    notes += remarks.of_labels(source, parsed)
    sheets: dict[str, list[Sheet]] = {}
    for sheet in sorted(parsed.sheets, key=lambda sheet: (same(sheet.picture), sheet.picture)):
        sheets.setdefault(sheet.picture, []).append(sheet)

    headers, unreadable = _headers(sheets)
    names = parsed.classes or sorted({label.name for sheet in parsed.sheets for label in sheet.labels} - {""})
    numbers = {class_name: number for number, class_name in enumerate(names)}
    pictures = []
    for file, header in headers.items():
        boxes, faults = cleaned(sheets[file], header, numbers, parsed.relative, parsed.first)
        pictures.append(Picture(file, header.height, header.width, boxes))
        bad += faults
    notes += remarks.of_sizes(sheets, headers)
    classes, pictures = _with_boxes(names, pictures, notes)
    if not classes:
        got = f"none in the labels of {counted(len(sheets), 'picture')}"
        raise DataError(
            mismatch(str(source.root), "boxes", got, "; ".join(f"{b.file}: {b.why}" for b in bad[:1]))
        )

    paths = [source.relative(picture.file) for picture in pictures]
    if grouping is not None:
        grouping.check(paths)
    given = [_part(sheets[picture.file], path) for picture, path in zip(pictures, paths, strict=True)]
    twice = [p.file for p in pictures if len({sheet.part for sheet in sheets[p.file]} - {None}) > 1]
    if twice:
        notes.append(f"{remarks.some(twice, source, 'picture')} in several parts: left in the first of them")
    groups = [group_of(path, grouping) for path in paths]
    parts, drawn, more = split(pictures, given, groups, seed)
    if unreadable:
        notes.append(f"{remarks.some(unreadable, source, 'picture')} cannot be read: left out")
    return Labelled(
        name, title, source.root, classes, parts, drawn, grouping,
        sorted(bad, key=lambda label: (label.file, label.line or 0)), unreadable, parsed.orphans,
        notes + more,
    )  # fmt: skip


def _check_labels(source: Source, parsed: Parsed, title: str) -> None:
    """Raise DataError if more than half of the pictures have no label file."""
    who, lacking = str(source.root), len(parsed.unlabelled)
    labelled = {sheet.picture for sheet in parsed.sheets}
    total = len({*labelled, *parsed.unlabelled, *parsed.unread})
    if parsed.unread and not parsed.sheets:
        first = f"{parsed.bad[0].file}: {parsed.bad[0].why}"
        raise DataError(mismatch(who, f"labels in {title}", "none that can be used", first))
    if 2 * lacking > total or not parsed.sheets:
        got = "none"
        if lacking:
            example = source.relative(parsed.unlabelled[0])
            got += f" for {lacking:,} of {counted(total, 'picture')}, such as {example}"
        if parsed.orphans:
            orphans = counted(len(parsed.orphans), "label")
            got += f"; and {orphans} without a picture, such as {parsed.orphans[0].file}"
        raise DataError(mismatch(who, f"labels in {title}", got, f"looked for {parsed.sought}"))


def _headers(files: Iterable[str]) -> tuple[dict[str, images.Header], dict[str, str]]:
    """The header of every picture, and why the others cannot be read."""
    headers, unreadable = {}, {}

    def header(file: str) -> images.Header | str:
        try:
            return images.header(file)
        except DataError as error:
            return reason(error, file)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        for file, found in zip(files, pool.map(header, files), strict=True):
            (unreadable if isinstance(found, str) else headers)[file] = found
    return headers, unreadable


def _with_boxes(
    names: list[str], pictures: list[Picture], notes: list[str]
) -> tuple[list[str], list[Picture]]:
    """The classes that have boxes, and the pictures with these classes' numbers."""
    used = np.zeros(len(names), bool)
    for picture in pictures:
        used[picture.boxes.classes] = True
    if not used.all():
        without = [name for name, has in zip(names, used, strict=True) if not has]
        notes.append(f"no boxes of {', '.join(without[:10])}{', …' if len(without) > 10 else ''}")
    by_case: dict[str, list[str]] = {}
    for name in (name for name, has in zip(names, used, strict=True) if has):
        by_case.setdefault(name.casefold(), []).append(name)
    notes += [
        f"classes that differ in case only: {', '.join(same_)}"
        for same_ in by_case.values()
        if len(same_) > 1
    ]
    new = np.cumsum(used) - 1
    return [name for name, has in zip(names, used, strict=True) if has], [
        replace(picture, boxes=replace(picture.boxes, classes=new[picture.boxes.classes]))
        for picture in pictures
    ]


def _part(sheets: list[Sheet], path: str) -> str | None:
    """The part of a picture: the first that its labels give, else that of its folder."""
    given = {sheet.part for sheet in sheets}
    return next((part for part in PARTS if part in given), None) or part_of_folder(path)

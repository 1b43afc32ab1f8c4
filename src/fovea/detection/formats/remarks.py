"""Lines for people about labels without pictures, pictures without labels, and sizes that disagree."""

from collections.abc import Collection

from fovea.detection.formats.cleaning import is_stored
from fovea.detection.formats.labels import Parsed, Sheet
from fovea.detection.formats.source import Source
from fovea.images import Header
from fovea.names import counted

_EMPTY = 0.3  # share of pictures with an empty label file that is reported


def of_labels(source: Source, parsed: Parsed) -> list[str]:
    """Lines about labels without pictures and pictures without labels."""
    notes, sheets = [], [sheet for sheet in parsed.sheets if sheet.file]
    if parsed.unlabelled:
        outcome = "left out" if len(sheets) == len(parsed.sheets) else "taken as pictures without objects"
        notes.append(f"{some(parsed.unlabelled, source, 'picture')} without a label file: {outcome}")
    if parsed.unread:
        notes.append(f"{some(parsed.unread, source, 'picture')} left out, as the label file cannot be used")
    if parsed.unlisted:
        notes.append(f"{some(parsed.unlisted, source, 'picture')} in none of the parts: left out")
    if parsed.orphans:
        shown = ", ".join(f"{bad.file} ({bad.why})" for bad in parsed.orphans[:3])
        shown += ", …" * (len(parsed.orphans) > 3)
        notes.append(f"{counted(len(parsed.orphans), 'label')} without a picture: {shown}")
    empty = sum(not sheet.labels for sheet in sheets)
    if empty > _EMPTY * len(sheets):
        notes.append(
            f"{empty:,} of {len(sheets):,} pictures have no label in their file: if they show any, "
            "export them again (CVAT leaves polygons out of YOLO)"
        )
    return notes


def of_sizes(sheets: dict[str, list[Sheet]], headers: dict[str, Header]) -> list[str]:
    """Lines about pictures that EXIF turns, and about sizes that are not the pictures'."""
    stored = turned = other = 0
    for file, header in headers.items():
        seen = header.height, header.width
        for sheet in sheets[file]:
            if sheet.labels:
                stored += is_stored(sheet, header)
                turned += header.sideways and (sheet.size is None or seen == seen[::-1])
                other += sheet.size is not None and sorted(sheet.size) != sorted(seen)
    notes = []
    if stored:
        notes.append(f"{counted(stored, 'picture')} labelled as stored: the boxes are turned by EXIF, too")
    if turned:
        notes.append(f"{counted(turned, 'picture')} turned by EXIF, and boxes taken to be in the result")
    if other:
        notes.append(f"{counted(other, 'label file')} with another size than the picture's, which is ignored")
    return notes


def some(files: Collection[str], source: Source, noun: str) -> str:
    """The number of files, with some of their names."""
    shown = [source.relative(file) for file in list(files)[:3]] + ["…"] * (len(files) > 3)
    return f"{counted(len(files), noun)} ({', '.join(shown)})"

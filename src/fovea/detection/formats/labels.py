"""Labels as files have them, and as Fovea uses them.

A parser makes a `Parsed` of a folder: a `Sheet` of labels per picture, in the units of the file. `reading`
turns it into `Labelled`: pictures by part, with their `Boxes` in pixels. A faulty label is dropped or put
right, and recorded as a `BadLabel`; its picture stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import nan
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from fovea import files
from fovea.data.groups import Grouping
from fovea.detection.boxes import Boxes
from fovea.errors import DataError, reason
from fovea.files import csvs
from fovea.names import class_name, counted

# `BadLabel.what`
DROPPED, SWAPPED, CUT, KEPT, UNUSED = "dropped", "corners swapped", "cut at the edges", "kept", "not used"
BAD_LABELS = "bad_labels.csv"


class BadLabel(NamedTuple):
    """A label that was dropped or changed.

    file: relative to the data's folder. line: of a text file; in others the number of the label, from 1; None
    for the whole file. what: one of the words above. why: the fault.
    """

    file: str
    line: int | None
    what: str
    why: str


class Label(NamedTuple):
    """One box in the units of its file; corners: x0, y0, x1, y1."""

    line: int
    name: str
    corners: tuple[float, float, float, float]
    difficult: bool = False
    crowd: bool = False


@dataclass
class Sheet:
    """The labels that one file has for one picture.

    picture: its path. file: the labels' file, relative to the data's folder, "" if it has none. size: the
    picture's height and width according to that file. part: train, val or test, if known from the labels.
    """

    picture: str
    file: str
    labels: list[Label]
    size: tuple[int, int] | None = None
    part: str | None = None


@dataclass
class Parsed:
    """The labels of a folder.

    sought: where labels were looked for. classes: their order; sorted as strings if empty. relative: corners
    are shares of width and height. first: the number of the first pixel of a row; if it is 1, a box ends with
    its last pixel, else at an edge. unlabelled: pictures without a label file, which may have a sheet
    all the same. unread: pictures whose label
    file cannot be used. unlisted: pictures in none of the lists of parts. orphans: labels of no picture.
    """

    sought: str
    sheets: list[Sheet] = field(default_factory=list)
    bad: list[BadLabel] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    relative: bool = False
    first: int = 0
    unlabelled: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    orphans: list[BadLabel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def drop(self, file: str, line: int | None, why: str) -> None:
        self.bad.append(BadLabel(file, line, DROPPED, why))

    def no_picture(self, file: str, line: int | None = None, name: str | None = None) -> None:
        """Record labels for a picture that is not there, by default that of the file's own stem."""
        name = f"{PurePosixPath(file).stem}.*" if name is None else name
        self.orphans.append(BadLabel(file, line, UNUSED, f"there is no picture {name}"))

    def read(self, path: str, file: str, expected: str, limit: int) -> bytes | None:
        """The content of the label file `path`; None, and a record, if it cannot be read or is too large."""
        try:
            return files.read(path, expected, limit)
        except (OSError, DataError) as error:
            self.drop(file, None, reason(error, path))
            return None


@dataclass(frozen=True)
class Picture:
    """A picture with its boxes. height, width: in pixels, as people see it."""

    file: str
    height: int
    width: int
    boxes: Boxes


@dataclass
class Labelled:
    """A data set for object detection.

    format: its name in `FORMATS`. title: the same for people. classes: the names of the classes with boxes; a
    box's class is a position here. parts: those that exist of train, val and test. drawn: those drawn at
    random. grouping: the groups of `groups`, kept in one part. unreadable: path → why a picture cannot be
    read. orphans: labels of no picture. notes: lines for people.
    """

    format: str
    title: str
    root: Path
    classes: list[str]
    parts: dict[str, list[Picture]]
    drawn: tuple[str, ...] = ()
    grouping: Grouping | None = None
    bad: list[BadLabel] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    orphans: list[BadLabel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> list[Picture]:
        return [picture for part in self.parts.values() for picture in part]

    @property
    def line(self) -> str:
        """Format, counts and dropped labels in one line."""
        boxes = sum(len(picture.boxes) for picture in self.pictures)
        words = [
            self.title, counted(len(self.pictures), "picture"), counted(len(self.classes), "class"),
            f"{boxes:,} {'box' if boxes == 1 else 'boxes'}",
        ]  # fmt: skip
        dropped = sum(bad.what == DROPPED for bad in self.bad)
        changed = sum(bad.what in (SWAPPED, CUT) for bad in self.bad)
        faults = [f"{counted(dropped, 'label')} dropped"] * bool(dropped)
        faults += [f"{counted(changed, 'label')} put right"] * bool(changed)
        return ", ".join(words) + (f"; {', '.join(faults)} ({BAD_LABELS})" if faults else "")

    def write_bad_labels(self, path: Path) -> None:
        """Write `bad_labels.csv`: file, line, what, why; of bad labels, and of those without a picture."""
        files.write_whole(path, csvs.dumps(BadLabel._fields, [*self.bad, *self.orphans]))


def number(value: Any) -> float:
    """A number from a file; NaN for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return nan


def size(height: Any, width: Any) -> tuple[int, int] | None:
    """A picture's size from a file; None unless both are whole numbers above 0."""
    sides = number(height), number(width)
    if all(side >= 1 and side.is_integer() for side in sides):
        return int(sides[0]), int(sides[1])
    return None


def bounds(points: Iterable[tuple[float, float]]) -> tuple[float, float, float, float]:
    """The box around some points; NaN if one of them is, or if there are none."""
    points = list(points)
    if not points or any(x != x or y != y for x, y in points):
        return nan, nan, nan, nan
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def named(value: Any) -> str:
    """A class name from a file, "" if there is none."""
    text = "" if value is None else str(value)
    return class_name(text.encode("utf-8", "replace").decode()).strip()

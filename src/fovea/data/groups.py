"""Groups of pictures that must stay in one part, such as all pictures of one patient, scene or burst.

A network that has learned from one picture of a scene knows the others: they must not measure it. Groups are
described by one line of text:

    patient(\\d+)        a regular expression, searched for in each picture's path relative to the data's
                        folder: the text matched by its brackets, or else the whole match, names the group
    groups.csv          a table with the columns file and group; paths relative to the data's folder, or
                        absolute, with either slash

A picture without a match, or without a line in the table, is a group of its own. A grouping that fits no
picture at all is an error.
"""

import csv
import io
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fovea import files
from fovea.errors import DataError, mismatch
from fovea.files import expanded
from fovea.names import counted, same


@dataclass(frozen=True)
class Grouping:
    """Maps a picture's path, relative to the data's folder and with slashes, to its group.

    text: the description. find: the group's name, None for a picture that has none. remedy: advice for the
    error when no picture has a group.
    """

    text: str
    find: Callable[[str], str | None]
    remedy: str = ""

    def __call__(self, file: str) -> str:
        """The group's name, or the picture's own if it has none."""
        return self.find(file) or file

    def check(self, files: Iterable[str]) -> None:
        """Raise DataError unless some picture has a group, and there are at least two groups."""
        files = list(files)
        groups = {self.find(file) for file in files}
        who = f"groups {self.text}"
        if groups == {None}:
            expected = f"a group for pictures such as {files[0]}"
            got = f"none for any of {counted(len(files), 'picture')}"
            raise DataError(mismatch(who, expected, got, self.remedy))
        if len(groups) == 1 and len(files) > 1:
            got = f"all {len(files):,} pictures in {groups.pop()!r}"
            raise DataError(
                mismatch(who, "at least two groups", got, "put brackets around what tells them apart")
            )


def parse(text: str, root: Path | None = None) -> Grouping:
    """The grouping that `text` describes, for pictures below `root`. Raises DataError."""
    if is_table(text):
        table = _by_table(expanded(text), root)
        named = next(iter(table), None)
        remedy = f"it names {named}: write paths relative to the data's folder" if named else "it is empty"
        return Grouping(text, lambda file: table.get(_canonical(file, None)), remedy)
    return Grouping(text, _by_expression(text), "correct the expression: it is searched for in such paths")


def is_table(text: str) -> bool:
    """True if the text names a table rather than being an expression."""
    return text.lower().endswith(".csv")


def _by_expression(text: str) -> Callable[[str], str | None]:
    try:
        if not text:
            raise re.error("it is empty")
        expression = re.compile(same(text))
    except re.error as error:
        remedy = "write a regular expression, such as patient(\\d+), or the name of a .csv file"
        raise DataError(mismatch("groups", "a regular expression", f"{text!r} ({error})", remedy)) from error

    def find(file: str) -> str | None:
        match = expression.search(same(file))
        return None if match is None else "/".join(part or "" for part in match.groups()) or match[0] or None

    return find


def _by_table(path: Path, root: Path | None) -> dict[str, str]:
    table: dict[str, str] = {}
    try:
        text = files.read(path, "a table of groups").decode("utf-8-sig", "surrogateescape")
        reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
        columns = reader.fieldnames or []
        if not {"file", "group"} <= set(columns):
            got = ", ".join(map(str, columns)) or "an empty file"
            raise DataError(mismatch(f"groups {path}", "the columns file and group", got))
        for row in reader:
            if row["file"] and row["group"]:
                name = _canonical(row["file"], root)
                if table.setdefault(name, row["group"]) != row["group"]:
                    got = f"{table[name]!r} and {row['group']!r} for {name}"
                    raise DataError(mismatch(f"groups {path}", "one group for each file", got))
    except (OSError, csv.Error) as error:
        raise DataError(mismatch(f"groups {path}", "a table that can be read", error)) from error
    return table


def _canonical(name: str, root: Path | None) -> str:
    """The canonical form of a path below `root`: relative to it, with slashes, without ./ and the like."""
    name = posixpath.normpath(name.replace("\\", "/"))
    if root is not None and Path(name).is_absolute():
        for path, folder in (
            (Path(name), root.absolute()),
            (Path(name).parent.resolve() / Path(name).name, root.resolve()),
        ):
            path, folder = Path(same(str(path))), Path(same(str(folder)))
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
    return same(name)

"""Pictures that belong together, such as all of one patient, scene or burst, and must not be parted.

Who learns from one picture of a scene knows the others. So that measuring stays honest, all of a group go
into the same part. What the groups are is one line of text:

    patient(\\d+)        a regular expression, looked for in each picture's path as seen from the data's
                        folder: what its brackets find, or else all that it finds, names the group
    groups.csv          a table with the columns file and group; files as seen from the data's folder

A picture that the expression is not found in, or the table does not have, is a group of its own.
"""

import csv
import re
from collections.abc import Callable
from pathlib import Path

from fovea.errors import DataError, mismatch

Grouping = Callable[[str], str]


def parse(text: str) -> Grouping:
    """From a picture's path below the data's folder, with slashes, to its group. Raises DataError."""
    return _by_table(Path(text).expanduser()) if text.lower().endswith(".csv") else _by_expression(text)


def _by_expression(text: str) -> Grouping:
    try:
        expression = re.compile(text)
    except re.error as error:
        remedy = "write a regular expression, such as patient(\\d+), or the name of a .csv file"
        raise DataError(mismatch("groups", "a regular expression", f"{text!r} ({error})", remedy)) from error

    def group_of(file: str) -> str:
        found = expression.search(file)
        return file if found is None else "/".join(part or "" for part in found.groups()) or found[0] or file

    return group_of


def _by_table(path: Path) -> Grouping:
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            if not {"file", "group"} <= set(columns):
                got = ", ".join(map(str, columns)) or "an empty file"
                raise DataError(mismatch(f"groups {path}", "the columns file and group", got))
            table = {row["file"]: row["group"] for row in reader}
    except (OSError, csv.Error) as error:
        raise DataError(mismatch(f"groups {path}", "a table that can be read", error)) from error
    return lambda file: table.get(file) or file

"""CSV for spreadsheets and Python's csv module, with names kept exactly."""

import csv
import io
from collections.abc import Iterable

from fovea.errors import DataError


def dumps(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    """A header line and the rows. Bytes of a file name that are not UTF-8 are written unchanged."""
    lines = []
    for row in (columns, *rows):
        line = io.StringIO()
        csv.writer(line).writerow(
            row
        )  # with the default \r\n: csv quotes only the characters of its line end
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines).encode("utf-8", "surrogateescape")


def loads(content: bytes) -> list[dict[str, str]]:
    """The rows of such a table, by column. Raises DataError if it is none."""
    text = io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")
    try:
        return list(csv.DictReader(text))
    except csv.Error as error:
        raise DataError(f"expected a table, got {error}") from error

"""CSV for spreadsheets and Python's csv module, with names kept exactly."""

import csv
import io
from collections.abc import Iterable


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

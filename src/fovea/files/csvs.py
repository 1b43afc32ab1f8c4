"""CSV as spreadsheets and Python's csv module read it: names stand in it exactly, whatever is in them."""

import csv
import io
from collections.abc import Iterable


def dumps(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    """A header line and the rows. Bytes of a file's name that are no UTF-8 are written as they are."""
    lines = []
    for row in (columns, *rows):
        line = io.StringIO()
        csv.writer(line).writerow(row)  # with the writer's own \r\n, for it quotes only those of its line end
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines).encode("utf-8", "surrogateescape")

"""The record of a run, splits.csv: the part of each picture.

    file        relative to the data's folder; or the data's name and an index, if pictures are not files
    split       train, val or test
    class       and, if there are groups, group
    digest      of the file's bytes, or of the pixels; earlier versions wrote none

A picture is looked up by its path if the content there is unchanged, else by its content, under any path,
else by its group, if the run had groups. A picture that is not found is new. Content that was in two parts
counts for the one that the network knows better.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fovea import files
from fovea.data.dataset import Dataset, Splits
from fovea.data.digests import digests
from fovea.data.groups import Grouping, parse
from fovea.data.split import relative
from fovea.errors import DataError, mismatch
from fovea.files import csvs
from fovea.names import same

PARTS = ("train", "val", "test")  # from what the network knows best to what it has never seen
_COLUMNS = ("file", "split", "class", "digest")


class Row(NamedTuple):
    """The line of one picture; `digest` is "" if unknown."""

    file: str
    part: str
    label: str
    digest: str


class Record:
    """The rows of a run, from the file `path`, and those of `earlier` runs whose weights it started from.

    `groups` describes the run's groups, as for `groups.parse`. With `by_path`, a picture whose content has
    changed keeps the part of its path, as a run that resumes needs.
    """

    def __init__(
        self,
        path: Path,
        rows: Sequence[Row],
        earlier: Sequence[Row] = (),
        groups: str | None = None,
        by_path: bool = False,
    ) -> None:
        self.by_path = by_path
        self.path, self.rows, self.earlier, self.groups = path, rows, earlier, groups
        self._by_file: dict[str, Row] = {}
        self._by_digest: dict[str, str] = {}
        for source in (rows, earlier):
            for row in sorted(source, key=_familiarity):
                self._by_file.setdefault(_key(row.file), row)
                self._by_digest.setdefault(row.digest, row.part)
        both = sorted([*rows, *earlier], key=_familiarity, reverse=True)
        self._best_known = {row.digest: row.part for row in both}
        for table in (self._by_digest, self._best_known):
            table.pop("", None)

    @classmethod
    def read(cls, path: Path, earlier: Path, groups: str | None, by_path: bool = False) -> "Record":
        """The record in the file `path`, and in the file `earlier` if it exists. Raises DataError."""
        return cls(path, _read(path), _read(earlier) if earlier.is_file() else (), groups, by_path)

    @property
    def has_digests(self) -> bool:
        """True if pictures can be looked up by their content."""
        return any(row.digest for row in self.rows)

    def parts_of(self, dataset: Dataset, root: str | None) -> list[str | None]:
        """The part of each picture of `dataset`, which is below `root`; None for a new one.

        Groups count only if the record has some of the pictures: in other data the same names mean other
        groups.
        """
        parts = [self._part(row, digest) for row, digest in self._looked_up(dataset, root)]
        if any(parts) and not all(parts) and (grouping := self._grouping(root)):
            part_of_group = {}
            for row in sorted(self.rows, key=_familiarity):
                part_of_group.setdefault(grouping.find(row.file), row.part)
            part_of_group[None] = None
            groups = (grouping.find(relative(dataset.name_of(i), root)) for i in range(len(dataset)))
            parts = [part or part_of_group.get(group) for part, group in zip(parts, groups, strict=True)]
        return parts

    def part_by_path(self, file: str) -> str | None:
        """The part of the picture at this path, even if its content has changed."""
        row = self._by_file.get(_key(file))
        return row.part if row else None

    def learned(self, dataset: Dataset, root: str | None) -> dict[str, int]:
        """The number of pictures of `dataset` that were in train and in val, in this or an earlier run."""
        parts = [
            self._best_known.get(digest) or (row.part if row and not row.digest else None)
            for row, digest in self._looked_up(dataset, root)
        ]
        return {part: parts.count(part) for part in ("train", "val") if part in parts}

    def _grouping(self, root: str | None) -> Grouping | None:
        if self.groups is None or root is None:
            return None
        try:
            return parse(self.groups, Path(root))
        except DataError:  # its table is gone: new pictures are in no group
            return None

    def _looked_up(self, dataset: Dataset, root: str | None) -> Iterator[tuple[Row | None, str]]:
        for i, digest in enumerate(digests(dataset)):
            yield self._by_file.get(_key(relative(dataset.name_of(i), root))), digest

    def _part(self, row: Row | None, digest: str) -> str | None:
        if row and (self.by_path or row.digest == digest or not row.digest or not digest):
            return row.part
        return self._by_digest.get(digest)


def rows_of(splits: Splits) -> list[Row]:
    """The line of every picture."""
    return [
        Row(relative(dataset.name_of(i), splits.root), part, dataset.class_of(i), digest)
        for part, dataset in splits.parts.items()
        for i, digest in enumerate(digests(dataset))
    ]


def write_splits(splits: Splits, path: str | Path) -> None:
    """Write `splits.csv`."""
    rows, grouping = rows_of(splits), splits.grouping
    if grouping is None:
        _write(path, _COLUMNS, rows)
    else:
        _write(
            path,
            (*_COLUMNS[:3], "group", "digest"),
            [(*row[:3], grouping(row.file), row.digest) for row in rows],
        )


def write_earlier(record: Record, path: Path) -> None:
    """Write all rows of a record, for a run that starts from its network."""
    _write(path, _COLUMNS, dict.fromkeys([*record.rows, *record.earlier]))


def _key(file: str) -> str:
    """The key to look up a picture: its path in NFC, without the data's name if it is not a file."""
    return same(re.sub(r"^.*/(?=[^/]*\[\d+\]$)", "", file))


def _familiarity(row: Row) -> int:
    """0 for the part that the network knows best."""
    return PARTS.index(row.part)


def _read(path: Path) -> list[Row]:
    try:
        text = files.read(path, "the parts of a run").decode("utf-8", "surrogateescape")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        missing = {"file", "split"} - set(reader.fieldnames or ())
        lines = [] if missing else list(reader)
    except (OSError, csv.Error) as error:
        raise DataError(mismatch(str(path), "a table that can be read", error)) from error
    if missing or any(line["split"] not in PARTS for line in lines):
        expected = f"columns file and split, and {', '.join(PARTS)} in the latter"
        raise DataError(mismatch(str(path), expected, "another table", "restore it, or delete it"))
    return [
        Row(line["file"], line["split"], line.get("class") or "", line.get("digest") or "") for line in lines
    ]


def _write(path: str | Path, columns: Sequence[str], rows: Iterable[Iterable[str]]) -> None:
    files.write_whole(path, csvs.dumps(columns, rows))

"""The folder of a data set: its pictures, its other files, and the pictures that label files name.

Label files name pictures by paths of other computers, with either slash, in another case, without an
extension. A picture is found by its file name; among several of one name, by the folders before it.

Paths are strings here and in the parsers, taken apart by `os.path`: a folder may have a hundred thousand
files, and a `Path` for each is some ten times as slow.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from fovea import files
from fovea.data import layout, listing
from fovea.data.listing import NO_PICTURE, Skipped
from fovea.errors import DataError
from fovea.names import same

PICTURES = ("images", "image", "jpegimages", "imgs", "img", "jpeg", "jpegs", "photos", "pictures")
LABELS = ("annotations", "annotation", "annots", "labels", "label", "xml", "xmls", "json", "jsons")
_PART_OF = {name: part for part, names in layout.PARTS.items() for name in names}
_SNIFFED = 3  # files of each folder that are inspected to recognise its format


class Source:
    """The files below `root`; `chosen` is a file there that the user named."""

    def __init__(self, root: Path, chosen: Path | None = None) -> None:
        self.root, self.chosen, self.skipped = root, chosen, Skipped(root)
        self.pictures = listing.pictures(root, self.skipped)
        others = (path.removeprefix(os.curdir + os.sep) for path in self.skipped.paths.get(NO_PICTURE, ()))
        self.others = sorted(others, key=lambda path: (same(path), path))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return self._by(lambda key: key.name)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return self._by(lambda key: key.stem)

    @cached_property
    def _folders(self) -> set[PurePosixPath]:
        return {PurePosixPath(self.key(picture)).parent for picture in self.pictures}

    def _by(self, part: Callable[[PurePosixPath], str]) -> dict[str, list[str]]:
        """The pictures by a part of their keys."""
        table: dict[str, list[str]] = defaultdict(list)
        for picture in self.pictures:
            table[part(PurePosixPath(self.key(picture)))].append(picture)
        return table

    def relative(self, path: str) -> str:
        """A path relative to the folder, with slashes, as it is reported."""
        inside = path.removeprefix(os.path.join(self.root, ""))  # noqa: PTH118
        return "" if path == str(self.root) else inside.replace(os.sep, "/")

    def key(self, path: str) -> str:
        """The same, equal for paths that differ in case or in the encoding of accents only."""
        return same(self.relative(path)).casefold()

    def files(self, *extensions: str) -> list[str]:
        """The files with these extensions, in lower case."""
        return [path for path in self.others if path.lower().endswith(extensions)]

    def sniffed(self, *extensions: str) -> Iterator[str]:
        """The first few such files of each folder."""
        seen: dict[str, int] = defaultdict(int)
        for path in self.files(*extensions):
            seen[os.path.dirname(path)] += 1  # noqa: PTH120
            if seen[os.path.dirname(path)] <= _SNIFFED:  # noqa: PTH120
                yield path

    def find(self, text: str, folder: str, *others: str, part: str | None = None) -> str | None:
        """The picture that a label file in `folder` calls `text`, which may lack the extension; None if none
        fits, or several do equally.

        Pictures in that folder are preferred, then those in `others`, then those in a folder for `part`. One
        in a folder for another part than that of `text` or of `folder` does not fit.
        """
        text = same(text)
        names = parts(text.casefold()), text.casefold().split("/")  # \ separates, or is part of a name
        tables = self._by_name, self._by_stem
        fitting = [(table, words) for table in tables for words in names if words and words[-1] in table]
        if not fitting:
            return None
        table, wanted = fitting[0]
        near = [self.key(place) for place in (folder, *others)]
        exact = {str(PurePosixPath(place, *wanted)) for place in (*near, "")}
        own_part = part_of_folder("/".join(wanted)) or part_of_folder(f"{near[0]}/")

        def fit(picture: str) -> tuple[bool, int, bool, bool, bool]:
            key = self.key(picture)
            *folders, _ = key.split("/")
            equal = 0
            for a, b in zip(reversed(folders), reversed(wanted[:-1]), strict=False):
                if a != b:
                    break
                equal += 1
            same_case = same(picture).endswith(text[-len(wanted[-1]) :])
            return key in exact, equal, part_of_folder(key) == part, "/".join(folders) in near, same_case

        found = table[wanted[-1]]
        if own_part:
            found = [picture for picture in found if part_of_folder(self.key(picture)) in (None, own_part)]
        return _best(found, fit)

    def counterpart(self, path: str, name: str | None = None) -> str | None:
        """The picture of the label file `path`: the one of its stem beside it, or in the folder images for a
        file in labels (`PICTURES`, `LABELS`), or, if there are no pictures in these, anywhere; `name` decides
        between several, and is looked for if there is none."""
        own = PurePosixPath(self.key(path))
        wanted = (parts(same(name).casefold()) or [""])[-1] if name else ""
        stems = self._by_stem.get(own.stem, ())
        places = [own.parent, *swapped(own.parent, LABELS, PICTURES)]
        for place in places:
            here = [picture for picture in stems if PurePosixPath(self.key(picture)).parent == place]
            if here:
                return next((p for p in here if PurePosixPath(self.key(p)).name == wanted), here[0])
        if len(stems) == 1 and not self._folders & {*places}:
            return stems[0]
        return self.find(name, os.path.dirname(path)) if name else None  # noqa: PTH120

    def without(self, labelled: Iterable[str]) -> list[str]:
        """The other pictures; where all labelled ones are in folders for pictures, those in such folders."""
        labelled = set(labelled)

        def in_folder(picture: str) -> bool:
            return bool({*PurePosixPath(self.key(picture)).parts[:-1]} & {*PICTURES})

        rest = [picture for picture in self.pictures if picture not in labelled]
        return [p for p in rest if in_folder(p)] if labelled and all(map(in_folder, labelled)) else rest


def _best(pictures: Iterable[str], fit: Callable[[str], tuple]) -> str | None:
    ranked = sorted(((fit(picture), picture) for picture in pictures), reverse=True)
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def parts(path: str) -> list[str]:
    """The folders and the name in a path with either slash, without drive, . and .."""
    path = re.sub(r"^[A-Za-z]:/", "", path.replace("\\", "/"))
    return [part for part in path.split("/") if part not in ("", ".", "..")]


def swapped(folder: PurePosixPath, old: Iterable[str], new: Iterable[str]) -> Iterator[PurePosixPath]:
    """`folder` with each of `new` in place of a part that is one of `old`."""
    for place, part in enumerate(folder.parts):
        if part in old:
            for other in new:
                yield PurePosixPath(*folder.parts[:place], other, *folder.parts[place + 1 :])


def part_of_folder(path: str) -> str | None:
    """The part whose name a folder in the relative path has: train2017/a.jpg is in train."""
    for folder in path.split("/")[:-1]:
        if part := _PART_OF.get(re.sub(r"\d+$", "", folder.casefold())):
            return part
    return None


def part_of_file(path: str) -> str | None:
    """The part in a file's name, such as instances_val2017.json, or else in its folders."""
    words = re.findall(r"[a-z]+", PurePosixPath(path).stem.casefold())
    named = {_PART_OF[word] for word in words if word in _PART_OF}
    return named.pop() if len(named) == 1 else part_of_folder(path)


def of_parts(paths: list[str], source: Source, notes: list[str]) -> list[str]:
    """The files that are for one part, if one is for train: those for no part have the same labels again."""
    part_of = {path: part_of_file(source.relative(path)) for path in paths}
    ignored = [source.relative(path) for path, part in part_of.items() if part is None]
    if "train" not in part_of.values() or not ignored:
        return paths
    notes.append(f"{', '.join(ignored)}: not read, as other files have the labels of train, val and test")
    return [path for path, part in part_of.items() if part]


def head(path: str, count: int = 1 << 16) -> bytes:
    """The beginning of a file; b"" if it cannot be read."""
    try:
        with files.open_regular(path, "labels") as file:
            return file.read(count)
    except (OSError, DataError):
        return b""

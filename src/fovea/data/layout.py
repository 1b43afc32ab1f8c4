"""The layout of a data set's folder: parts with a folder for each class, or only the classes.

A part has one of the names in `PARTS`, in any case. A folder beside the parts whose name, or whose
subfolders, resemble theirs is an error that asks for a decision: ignoring it would lose pictures, and
treating it as a class would train on a test set.
"""

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from fovea import images
from fovea.data import listing
from fovea.data.listing import LOOSE, OF_FOVEA, Skipped
from fovea.errors import DataError, mismatch
from fovea.names import class_name, is_text

PARTS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
_PART_OF = {name: part for part, names in PARTS.items() for name in names}
_ALMOST = [
    *_PART_OF,
    "trn",
    "tst",
    "eval",
    "evaluation",
    "dev",
    "development",
    "holdout",
    "heldout",
    "unseen",
]
_BEGINNINGS = ("train", "test", "valid", "eval", "holdout", "heldout")
_LAYOUT = "the folders train, val and test"


@dataclass
class Part:
    """The classes of one folder: name → the paths of its pictures, sorted."""

    folder: Path
    classes: dict[str, list[str]] = field(default_factory=dict)
    needs_all: bool = True  # every class must have pictures; a part to measure on may lack some

    @property
    def counts(self) -> list[int]:
        return [len(self.classes[name]) for name in sorted(self.classes)]

    def check(self, classes: list[str]) -> None:
        """Raise DataError unless these are at least two classes with pictures, all among `classes`."""
        who = str(self.folder)
        if len(classes) < 2:
            raise DataError(mismatch(who, "at least two classes", f"only {classes[0]!r}", self._remedy()))
        for name, files in self.classes.items():
            if not is_text(name):
                raise DataError(mismatch(who, "class names in UTF-8", f"{name!r}: rename it"))
            if name not in classes:
                got = f"also {name!r}, which has no pictures to learn from"
                raise DataError(mismatch(who, f"the classes {', '.join(classes)}", got))
            if self.needs_all and not files:
                expected = f"pictures ({' '.join(e[1:] for e in images.EXTENSIONS)})"
                raise DataError(mismatch(str(self.folder / name), expected, "none"))
        if not any(self.classes.values()):
            raise DataError(mismatch(who, "pictures", "none"))

    def _remedy(self) -> str:
        """Advice if one folder holds all the classes, as in an unpacked archive; else ""."""
        folders = {os.path.dirname(file) for files in self.classes.values() for file in files}  # noqa: PTH120
        if len(folders) < 2:
            return ""
        return f"if its folders are the classes, name {os.path.commonpath(sorted(folders))} instead"


@dataclass(eq=False)
class _Folder:
    """A folder in the data's folder: its pictures, at any depth, and its subfolders."""

    path: Path
    files: list[str]
    folders: list[Path]
    skipped: Skipped

    @cached_property
    def key(self) -> str:
        return class_name(self.path.name).casefold()

    @property
    def part(self) -> str | None:
        """The part that it is by its name, if it has subfolders for classes."""
        return _PART_OF.get(self.key) if self.folders else None

    @property
    def is_almost(self) -> bool:
        """True if its name is, or resembles, that of a part."""
        words = re.findall(r"[a-z]+", self.key)
        letters = "".join(words)
        return bool(
            {*words, letters} & set(_ALMOST) or letters.startswith(_BEGINNINGS)
            or get_close_matches(letters, _ALMOST, 1, 0.75)
        )  # fmt: skip

    @cached_property
    def within(self) -> dict[Path, list[str]]:
        """Its pictures by subfolder; those in none of them are below its own path."""
        files: dict[Path, list[str]] = {self.path: [], **{folder: [] for folder in self.folders}}
        names = {"": self.path, **{folder.name: folder for folder in self.folders}}
        start = len(str(self.path)) + 1
        for file in self.files:
            files[names[file[start:].rpartition(os.sep)[0].partition(os.sep)[0]]].append(file)
        return files

    @property
    def loose(self) -> list[str]:
        """Its pictures outside its subfolders."""
        return self.within[self.path]

    @property
    def filled(self) -> set[str]:
        """The names of its subfolders that have pictures."""
        if not self.folders:
            return set()
        return {class_name(folder.name) for folder in self.folders if self.within[folder]}


def read(root: Path) -> tuple[dict[str, Part], Skipped]:
    """The existing parts among train, val and test, or all pictures as "all"; and the skipped files. Raises
    DataError."""
    skipped = Skipped(root)
    loose, subfolders = listing.entries(root, skipped)
    if loose:
        skipped.add(LOOSE, *loose)
    folders = []
    for entry in subfolders:
        folder = _look(Path(entry.path), root)
        skipped.update(folder.skipped)
        if folder.files or not folder.skipped.count(OF_FOVEA):
            folders.append(folder)
    parts = _parts(root, folders)
    if not parts:
        _check_classes(root, folders)
        if not folders:
            line = (skipped.line() or "").removeprefix(f"{root}: ")
            remedy = "; ".join(filter(None, ("put each class's pictures into a folder of its own", line)))
            raise DataError(mismatch(str(root), "a folder for each class", "none", remedy))
        return {"all": _part(root, {f.path: f.files for f in folders}, needs_all=True)}, skipped
    for folder in folders:
        if folder not in parts.values() and folder.files:
            skipped.add(LOOSE, *folder.files)
    for folder in parts.values():
        if folder.loose:
            skipped.add(LOOSE, *folder.loose)
    first = next(iter(parts))
    return {
        name: _part(folder.path, {p: folder.within[p] for p in folder.folders}, needs_all=name == first)
        for name, folder in parts.items()
    }, skipped


def _look(path: Path, root: Path) -> _Folder:
    skipped = Skipped(root)
    return _Folder(path, listing.pictures(path, skipped), listing.folders(path), skipped)


def _parts(root: Path, folders: list[_Folder]) -> dict[str, _Folder]:
    """The folders that are parts, in the order of `PARTS`; none if the folders are classes."""
    parts: dict[str, _Folder] = {}
    for folder in folders:
        if folder.part in parts:
            got = f"{parts[folder.part].path.name} and {folder.path.name}"
            raise DataError(mismatch(str(root), f"one folder for {folder.part}", got, "keep one of them"))
        if folder.part:
            parts[folder.part] = folder
    others = [folder for folder in folders if folder.files and folder not in parts.values()]
    # A class may itself be called "test" or "train": then it holds pictures, or is among other classes.
    if others and ("train" not in parts or (len(parts) == 1 and parts["train"].loose)):
        return {}
    for folder in others:
        unknown = folder.key not in _PART_OF  # a folder "test" without classes is reported as skipped instead
        same = any(folder.filled & part.filled for part in parts.values())
        almost = (unknown and folder.is_almost) or same
        if almost or (folder.filled and len(parts) == 1):
            remedy = "rename it to val or test, or move it away"
            if not almost:
                remedy = "move it away, or, if both are classes, rename train"
            raise DataError(mismatch(str(root), _LAYOUT, f"also {folder.path.name!r}", remedy))
    return {name: parts[name] for name in PARTS if name in parts}


def _check_classes(root: Path, folders: list[_Folder]) -> None:
    """Raise DataError if the folders seem not to be classes."""
    filled = [folder for folder in folders if folder.files]
    if filled and all(folder.filled and folder.is_almost for folder in filled):
        got = ", ".join(repr(folder.path.name) for folder in filled)
        raise DataError(
            mismatch(str(root), _LAYOUT, got, "rename them to these, or, if they are classes, to others")
        )
    if filled and all("train" in map(_PART_OF.get, map(str.casefold, f.filled)) for f in filled):
        got = f"a folder train inside {filled[0].path.name}"
        remedy = f"name {filled[0].path} instead" if len(filled) == 1 else "put the classes into train"
        raise DataError(mismatch(str(root), f"{_LAYOUT}, or one folder per class", got, remedy))


def _part(folder: Path, classes: dict[Path, list[str]], *, needs_all: bool) -> Part:
    part, paths = Part(folder, needs_all=needs_all), {}
    for path, files in classes.items():
        name = class_name(path.name)
        if name in paths:
            got = f"{paths[name].name!a} and {path.name!a}, which are one name"
            raise DataError(mismatch(str(folder), "a folder for each class", got, "join the two"))
        paths[name], part.classes[name] = path, files
    return part

"""data.yaml, which names the classes and parts of a data set in YOLO's format; or lists, where there is none.

Paths in data.yaml are often those of another computer, or relative to another folder (`_place`). Nothing in
it is run or fetched.
"""

import os
import re
from pathlib import Path

from fovea import files
from fovea.data import layout, listing
from fovea.data.listing import Skipped
from fovea.detection.formats.labels import Parsed, named, number
from fovea.detection.formats.source import Source, part_of_folder, parts
from fovea.errors import DataError, mismatch
from fovea.files import yamls
from fovea.ranges import short

_KEYS = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}
_NAMES = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt")
_USUAL = ("data.yaml", "dataset.yaml", "data.yml")


def read(source: Source) -> tuple[str, dict] | None:
    """The path and content of data.yaml, or of a file like it; the one nearest to the top."""
    paths = [str(source.chosen)] if source.chosen else source.files(".yaml", ".yml")
    for path in sorted(paths, key=lambda p: (p.count(os.sep), Path(p).name not in _USUAL)):
        try:
            config = yamls.loads(files.read(path, "a data set's YAML", yamls.LIMIT), path, as_text=True)
        except (OSError, DataError):
            if source.chosen or Path(path).name in _USUAL:
                raise
            continue
        keys = {*config} if isinstance(config, dict) else set()
        if keys & {"names", "nc"} and keys & {"train", "val", "test", "path"}:
            _check(config, path)
            return path, config
    if source.chosen:
        raise DataError(mismatch(str(source.chosen), "a data set's YAML with names and train", "another"))
    return None


def _check(config: dict, path: str) -> None:
    """Raise DataError unless what is read is text, or a list or table of texts: lists within lists may be
    references to one list, which would fill the memory when printed."""
    for key in ("names", "nc", "path", *(key for keys in _KEYS.values() for key in keys)):
        value = config.get(key, "")
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in inside):
            raise DataError(
                mismatch(f"{path}: {key}", "text, or a list or table of texts", "lists within it")
            )


def names(path: str | None, config: dict, source: Source, parsed: Parsed) -> dict[int, str]:
    """Class number → name."""
    given = config.get("names")
    if isinstance(given, list | dict) and given:
        entries = given.items() if isinstance(given, dict) else enumerate(given)
        names = {number(key): named(name) for key, name in entries}
        if not all(key >= 0 and key.is_integer() and name for key, name in names.items()):
            raise DataError(
                mismatch(f"{path}: names", "a list, or a name for each number from 0 on", short(given))
            )
        count = number(config.get("nc", len(names)))
        if count != len(names):
            parsed.notes.append(f"{path}: nc is {config['nc']}, but names has {len(names)}, which count")
        return {int(key): name for key, name in names.items()}
    lists = [p for p in source.others if Path(p).name in _NAMES or p.endswith(".names")]
    found = {}
    for file in lists:
        text = files.read(file, "a list of class names", yamls.LIMIT).decode("utf-8-sig", "replace")
        found.setdefault(tuple(line.strip() for line in text.splitlines() if line.strip()), file)
    if len(found) > 1:
        raise DataError(mismatch(str(source.root), "one list of class names", ", ".join(found.values())))
    if found:
        return dict(enumerate(map(named, *found)))
    parsed.notes.append(f"{source.root}: no data.yaml or classes.txt names the classes: their numbers serve")
    return _Numbers()


class _Numbers(dict[int, str]):
    """A name for every number: the number."""

    def __contains__(self, key: object) -> bool:
        if isinstance(key, float) and key >= 0 and key.is_integer():
            self.setdefault(int(key), str(int(key)))
            return True
        return False


def listed(path: str | None, config: dict, source: Source, parsed: Parsed) -> dict[str, str | None]:
    """Picture → part, of all pictures in the parts of data.yaml, else in lists; empty if there are none."""
    base, twice = Path(path).parent if path else source.root, 0
    given = {part: next(filter(None, map(config.get, keys)), None) for part, keys in _KEYS.items()}
    pictures = {} if any(given.values()) else _by_lists(source)
    for part, entry in given.items():
        for text in entry if isinstance(entry, list) else [entry] if entry else []:
            place, tried = _place(str(text), part, base, str(config.get("path") or ""))
            if place is None and part == "train":
                expected = "a folder of pictures or a list of them"
                raise DataError(mismatch(f"{path}: train", expected, f"nothing at {tried}"))
            if place is None:
                parsed.notes.append(f"{path}: {part} is left out, as there is nothing at {tried}")
                continue
            for picture in _pictures(place, base, source, parsed):
                twice += pictures.setdefault(picture, part) != part
    if pictures:
        parsed.unlisted = [picture for picture in source.pictures if picture not in pictures]
    if twice:
        parsed.notes.append(f"{path}: {twice:,} pictures are in two parts, and stay in the first of them")
    return pictures


def _place(text: str, part: str, base: Path, path: str) -> tuple[Path | None, str]:
    """The folder or list that data.yaml in `base` means by `text`, and the places tried: below `path`; below
    `base`; there without ../ or the folders of another computer; else the folder of the part's name."""
    text, above = text.replace("\\", "/"), path.replace("\\", "/")
    tail = parts(text)
    # A shorter tail must still name a part: images alone may be the folder of all of them
    tails = [tail[start:] for start in range(len(tail))]
    tails = [words for words in tails if words == tail or any(map(_names_part, words))]
    tried = [base / above / text, base / text, *([Path(above) / text] if above else [])]
    tried += [base.joinpath(*words) for words in tails]
    tried += [base.joinpath(*words) for name in layout.PARTS[part]
              for words in ((name, "images"), ("images", name), (name,))]  # fmt: skip
    tried = list(dict.fromkeys(Path(os.path.normpath(place)) for place in tried))
    for place in tried:
        if place.is_dir() or (place.suffix.lower() == ".txt" and place.is_file()):
            return place, ""
    return None, ", ".join(map(str, tried))


def _names_part(word: str) -> bool:
    return part_of_folder(re.sub(r"\.txt$", "", word) + "/") is not None


def _pictures(place: Path, base: Path, source: Source, parsed: Parsed) -> list[str]:
    """The pictures in a folder or a list."""
    if place.is_file():
        return _in_list(str(place), base, source, parsed)
    root, inside = os.path.abspath(source.root), os.path.abspath(place)  # noqa: PTH100
    if root == inside or inside.startswith(root + os.sep):
        below = os.path.join(inside[len(root) :].strip(os.sep), "").lstrip(os.sep)  # noqa: PTH118
        start = len(str(source.root)) + 1
        return [p for p in source.pictures if p[start:].startswith(below)]
    return listing.pictures(place, Skipped(place))


def _in_list(path: str, base: Path, source: Source, parsed: Parsed) -> list[str]:
    """The pictures in a list; ./ in it is the list's folder."""
    pictures = []
    text = files.read(path, "a list of pictures").decode("utf-8-sig", "surrogateescape")
    for number_, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        own = Path(path).parent / line.strip()
        picture = source.find(line, str(Path(path).parent), str(base))
        if picture is None and own.is_file():
            picture = os.path.normpath(own)
        if picture is None:
            parsed.no_picture(source.relative(path), number_, line.strip())
        else:
            pictures.append(picture)
    return pictures


def _by_lists(source: Source) -> dict[str, str | None]:
    """Picture → part, by the lists near the top: train.txt, autosplit_val.txt."""
    pictures: dict[str, str | None] = {}
    unused = Parsed("")
    for path in source.files(".txt"):
        part = part_of_folder(Path(path).stem.casefold().removeprefix("autosplit_") + "/")
        if part and source.relative(path).count("/") < 2:
            for picture in _in_list(path, Path(path).parent, source, unused):
                pictures.setdefault(picture, part)
    return pictures

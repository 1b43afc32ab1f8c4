"""The pictures below a folder, and the files there that are skipped.

Every command reads folders by these rules. A picture is a file with one of the extensions of
`images.EXTENSIONS`, in the folder or in a folder below it. Links are followed, and each folder is read once.
Skipped and counted by reason are hidden files and folders, the folders in `SYSTEM`, folders written by Fovea,
broken links, folders without permission to read, and all other files.

A folder written by Fovea is recognised by its files (`WRITTEN`) or by its path in `runs` (`RUNS`), as is a
folder that contains nothing else. Naming such a folder is an error, unless its pictures may serve as data.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from fovea import images
from fovea.errors import DataError, mismatch
from fovea.files import expanded, open_regular, read
from fovea.names import same, warn

NO_PICTURE = "file that is no picture", "files that are no pictures"
LOOSE = "picture in no class's folder", "pictures in no class's folder"
HIDDEN = "hidden file or folder", "hidden files and folders"
OF_SYSTEM = "folder of the system", "folders of the system"
OF_FOVEA = "folder that Fovea wrote", "folders that Fovea wrote"
BROKEN = "broken link", "broken links"
READ_ALREADY = "link to a folder that is read already", "links to folders that are read already"
UNREADABLE = "folder that may not be read", "folders that may not be read"
Reason = tuple[str, str]

# Folders that macOS, Windows, Linux, and NAS systems by Synology and QNAP keep among people's files.
SYSTEM = {
    "__macosx", "network trash folder", "temporary items", "$recycle.bin", "system volume information",
    "lost+found", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot",
}  # fmt: skip

# The folders in `runs` → whether pictures in them may serve as data. It is the only table here that names
# tasks: runs without a file of `WRITTEN` are recognised by them. A test compares it with the tasks.
RUNS = {"classify": False, "detect": False, "edges": True, "learn-filter": False, "learn-style": False}
WRITTEN = (
    ("arguments.yaml",),
    ("state.safetensors",),
    ("metrics.json", "bad_images.csv"),  # fovea evaluate
    ("rates.csv", "rates.png"),  # fovea find-rate
    ("report.html", "filters"),  # fovea inspect
)
# Header lines of splits.csv, the only file of a run that was killed in its first second. A table with fewer
# columns may be a user's own, beside their pictures.
_HEADERS = b"file,split,class,digest", b"file,split,class,group,digest"
_SHOWN = 3  # names of each reason
_TASK = re.compile(rb"^task: *([\w-]+)", re.MULTILINE)


class Skipped:
    """Skipped files and folders: reason → paths. `line` reports them relative to `root`."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.paths: dict[Reason, list[str]] = {}

    def add(self, reason: Reason, *paths: str) -> None:
        self.paths.setdefault(reason, []).extend(paths)

    def update(self, other: "Skipped") -> None:
        for reason, paths in other.paths.items():
            self.add(reason, *paths)

    def count(self, reason: Reason) -> int:
        return len(self.paths.get(reason, ()))

    def line(self) -> str | None:
        """A one-line report; None if nothing was skipped."""
        parts = []
        for (one, many), paths in self.paths.items():
            shown = [os.path.relpath(path, self.root) for path in sorted(paths)[:_SHOWN]]
            shown += ["…"] if len(paths) > _SHOWN else []
            parts.append(f"{len(paths):,} {one if len(paths) == 1 else many} ({', '.join(shown)})")
        return f"{self.root}: skipped {'; '.join(parts)}" if parts else None

    def warn(self) -> None:
        """Print the report, if there is one, on standard error."""
        if line := self.line():
            warn(line)


def collect(place: Path | str, note: Callable[[str], object] = lambda line: None) -> list[str]:
    """The pictures at `place`: the file itself, or all below a folder. `note` receives a line about skipped
    files. Raises DataError for a folder without pictures."""
    path = expanded(place)
    if not path.is_dir():
        return [str(path)]
    check_data(path)
    skipped = Skipped(path)
    files = pictures(path, skipped)
    if line := skipped.line():
        note(line)
    if not files:
        raise DataError(mismatch(str(path), "pictures in this folder", "none"))
    return files


def check_data(folder: Path) -> None:
    """Raise DataError if `folder` holds the figures of a run instead of data."""
    task = task_of(folder)
    if not RUNS.get(task, True) or _has_any(folder, WRITTEN[1:]):
        got = "a folder that Fovea wrote" + (f" for the task {task}" if task in RUNS else "")
        raise DataError(mismatch(str(folder), "a folder of pictures", got))


def task_of(folder: Path) -> str:
    """The task in the folder's arguments.yaml, or ""."""
    try:
        task = _TASK.search(read(folder / "arguments.yaml", "the arguments of a run"))
    except (OSError, DataError):
        return ""
    return task[1].decode() if task else ""


def pictures(folder: Path | str, skipped: Skipped) -> list[str]:
    """The paths of all pictures in `folder` and below, sorted by their relative paths. Raises DataError if
    `folder` cannot be read."""
    found, waiting, links = [], [str(folder)], []
    seen = {_identity(above) for path in (Path(folder).absolute(), Path(folder).resolve())
            for above in path.parents}  # fmt: skip
    while waiting or links:
        path = waiting.pop() if waiting else links.pop(0)
        identity = _identity(path)
        if identity in seen:
            skipped.add(READ_ALREADY, path)
            continue
        seen.add(identity)
        try:
            files, folders = entries(path, skipped)
        except DataError:
            if path == str(folder):
                raise
            skipped.add(UNREADABLE, path)
            continue
        found += files
        for below in folders:
            (links if below.is_symlink() else waiting).append(below.path)
    if str(folder) == os.curdir:
        found = [path.removeprefix(os.curdir + os.sep) for path in found]
    return sorted(found, key=lambda path: (same(path), path))


def entries(folder: Path | str, skipped: Skipped) -> tuple[list[str], list[os.DirEntry[str]]]:
    """The pictures and the subfolders of `folder`, sorted. Raises DataError if it cannot be read."""
    files, folders = [], []
    try:
        with os.scandir(folder) as listed:
            for entry in sorted(listed, key=lambda entry: entry.name):
                reason = _reason_to_skip(entry)
                if reason:
                    skipped.add(reason, entry.path)
                elif entry.is_dir():
                    folders.append(entry)
                else:
                    files.append(entry.path)
    except OSError as error:
        raise DataError(mismatch(str(folder), "a folder that can be read", error)) from error
    return files, folders


def folders(folder: Path | str) -> list[Path]:
    """The subfolders of `folder` that are not skipped, sorted. Raises OSError."""
    with os.scandir(folder) as listed:
        return sorted(
            Path(entry.path) for entry in listed if _is_folder(entry) and not _reason_to_skip(entry)
        )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _reason_to_skip(entry: os.DirEntry[str]) -> Reason | None:
    """The reason to skip an entry; None for a picture or a folder to read."""
    if entry.name.startswith("."):
        return HIDDEN
    try:
        if entry.is_dir():
            if entry.name.lower() in SYSTEM:
                return OF_SYSTEM
            return OF_FOVEA if is_written(Path(entry.path)) else None
        if entry.is_file():
            return None if images.is_picture(entry.name) else NO_PICTURE
    except OSError:
        return BROKEN
    return BROKEN if entry.is_symlink() else NO_PICTURE


def is_written(folder: Path) -> bool:
    """True if the folder is a run of Fovea's, finished or not, or contains nothing but such runs."""
    if folder.name in RUNS and folder.absolute().parent.name == "runs":
        return True
    if _has_any(folder, WRITTEN) or is_record(folder / "splits.csv", *_HEADERS):
        return True
    try:
        with os.scandir(folder) as listed:
            visible = (entry for entry in listed if not entry.name.startswith("."))
            first = next(visible, None)
            if first is None:
                return folder.name == "runs"
            return all(
                entry.is_dir(follow_symlinks=False) and is_written(Path(entry.path))
                for entry in (first, *visible)
            )
    except OSError:
        return False


def _has_any(folder: Path, written: tuple[tuple[str, ...], ...]) -> bool:
    return any(all((folder / name).exists() for name in names) for names in written)


def is_record(path: Path, *headers: bytes) -> bool:
    """True if the file begins like a run's splits.csv, or with one of the lines `headers`."""
    try:
        with open_regular(path, "the parts of a run") as file:
            line = file.readline(100).rstrip()
    except (OSError, DataError):
        return False
    return line in headers if headers else line.startswith(b"file,split,class")


def _identity(path: Path | str) -> tuple[int, int]:
    """Equal for all paths to one folder."""
    try:
        status = Path(path).stat()
    except OSError:
        return -1, hash(str(path))
    return status.st_dev, status.st_ino

"""What a trained network sees in pictures."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fovea import images, memory
from fovea.data import listing
from fovea.errors import DataError, OutOfMemoryError
from fovea.files import write_whole
from fovea.network import Network
from fovea.network.soundness import check_answers
from fovea.training.trained import class_names

CHUNK = 256  # pictures in memory at a time, fewer where they take more than MOST
MOST = 256 << 20  # bytes


def predict(
    network: Network,
    places: Iterable[str],
    flips: bool = False,
    progress: Callable[[int, int], object] = lambda done, total: None,
    note: Callable[[str], object] = lambda line: None,
) -> Iterator[dict[str, Any]]:
    """An entry for each picture, in order: {"file", "class", "probabilities", "error"}.

    A place is a picture or a folder, which stands for all pictures in it and below (`data.listing`), sorted;
    `note` is told what was skipped there. `probabilities` is a dict by class name. Where a picture cannot be
    read, `error` says why and the rest is None, and the others follow. `flips` as `Network.predict` takes it.
    `progress(done, total)` counts pictures. Raises DataError for an answer that is not finite; and, after all
    entries, OutOfMemoryError where there was not enough memory for some pictures.
    """
    files = [found for place in places for found in _files(place, note)]
    height, width, channels = network.input_shape
    count = max(1, min(CHUNK, MOST // prod(network.input_shape)))
    short: list[str] = []

    def read(item: tuple[str, str | None]) -> np.ndarray | str:
        file, error = item
        try:
            return error or images.read(file, (height, width), channels)
        except (DataError, OutOfMemoryError) as unreadable:
            if isinstance(unreadable, OutOfMemoryError):
                short.append(file)
            return str(unreadable).removeprefix(f"{file}: ")

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), count):
            chunk = files[start : start + count]
            yield from _entries(network, [file for file, _ in chunk], list(pool.map(read, chunk)), flips)
            progress(start + len(chunk), len(files))
    memory.check_all(short, len(files))


def write_csv(path: Path | str, entries: Iterable[dict[str, Any]], classes: Sequence[str]) -> None:
    """A line for each entry: file, class, error, and the probability of every class. Raises OSError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "class", "error", *(f"p({name})" for name in classes)])
    for entry in entries:
        probabilities = entry["probabilities"] or dict.fromkeys(classes, "")
        writer.writerow([entry["file"], entry["class"], entry["error"], *probabilities.values()])
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _files(place: str, note: Callable[[str], object]) -> list[tuple[str, str | None]]:
    """The pictures at `place`, each with what is known to be wrong with it already."""
    try:
        return [(file, None) for file in listing.at(place, note)]
    except DataError as error:
        path = str(Path(place).expanduser())
        return [(path, str(error).removeprefix(f"{path}: "))]


def _entries(
    network: Network, files: Sequence[str], read: Sequence[np.ndarray | str], flips: bool
) -> list[dict[str, Any]]:
    good = [picture for picture in read if isinstance(picture, np.ndarray)]
    answers = network.predict(np.stack(good), flips=flips) if good else np.zeros((0, 1))
    named = [file for file, picture in zip(files, read, strict=True) if isinstance(picture, np.ndarray)]
    check_answers(network, answers, named, good.__getitem__)
    rows = iter(answers)
    names = class_names(network)
    entries: list[dict[str, Any]] = []
    for file, picture in zip(files, read, strict=True):
        if isinstance(picture, str):
            entries.append({"file": file, "class": None, "probabilities": None, "error": picture})
        else:
            p = next(rows).tolist()
            best = names[int(np.argmax(p))]
            entries.append(
                {
                    "file": file,
                    "class": best,
                    "probabilities": dict(zip(names, p, strict=True)),
                    "error": None,
                }
            )
    return entries

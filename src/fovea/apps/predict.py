"""Predictions for pictures, read in chunks, in the form that the task defines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np

from fovea import images, memory
from fovea.data import listing
from fovea.errors import DataError, OutOfMemoryError, mismatch, reason
from fovea.files import csvs, expanded, write_whole
from fovea.network import Network
from fovea.network.soundness import check_picture
from fovea.training.task import Task

CHUNK = 256  # pictures in memory at a time, fewer if they take more than MOST
MOST = 256 << 20  # bytes


def predict(
    network: Network,
    task: Task,
    places: Iterable[str],
    progress: Callable[[int, int], object] = lambda done, total: None,
    note: Callable[[str], object] = lambda line: None,
) -> Iterator[dict[str, Any]]:
    """An entry for each picture, in order: {"file", …, "error"} with the prediction of `task.predict` between
    them, for a classifier "class" and "probabilities".

    Each of `places` is a picture, or a folder with all pictures below it, sorted (`data.listing`); `note`
    receives a line about skipped files. For an unreadable picture, `error` is the reason and the rest None.
    `progress(done, total)` counts pictures. Raises DataError for a prediction that is not finite; and, after
    all entries, OutOfMemoryError if there was not enough memory for some pictures.
    """
    files = [item for place in places for item in _files(place, note)]
    height, width, channels = network.input_shape
    count = max(1, min(CHUNK, MOST // prod(network.input_shape)))
    short: list[str] = []

    def read(item: tuple[str, str | None]) -> np.ndarray | str:
        file, error = item
        try:
            return error or images.read(file, (height, width), channels, network.preprocessing.crop)
        except (DataError, OutOfMemoryError) as unreadable:
            if isinstance(unreadable, OutOfMemoryError):
                short.append(file)
            return reason(unreadable, file)

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), count):
            chunk = files[start : start + count]
            yield from _entries(network, task, [file for file, _ in chunk], list(pool.map(read, chunk)))
            progress(start + len(chunk), len(files))
    memory.check_all(short, len(files))


def write_csv(path: Path | str, network: Network, task: Task, entries: Iterable[dict[str, Any]]) -> None:
    """A line for each entry, with the columns of `task.cells`. Raises OSError."""
    rows = [task.cells(network, entry) for entry in entries]
    columns = rows[0] if rows else task.cells(network, {"file": "", "error": None})
    write_whole(path, csvs.dumps(columns, (row.values() for row in rows)))


def _files(place: str, note: Callable[[str], object]) -> list[tuple[str, str | None]]:
    """The pictures at `place`, each with its error, if one is known already."""
    try:
        return [(file, None) for file in listing.collect(place, note)]
    except DataError as error:
        path = str(expanded(place))
        return [(path, reason(error, path))]


def _entries(
    network: Network, task: Task, files: Sequence[str], read: Sequence[np.ndarray | str]
) -> list[dict[str, Any]]:
    good = [picture for picture in read if isinstance(picture, np.ndarray)]
    predictions = iter(task.predict(network, np.stack(good)) if good else [])
    entries = []
    for file, picture in zip(files, read, strict=True):
        if isinstance(picture, str):
            entries.append({"file": file, **dict.fromkeys(task.answers), "error": picture})
            continue
        prediction = next(predictions)
        if not _is_finite(prediction):
            check_picture(network, picture, file)
            raise DataError(
                mismatch(f"{file}: {network.layers[-1].who}", "finite numbers", "NaN or infinity")
            )
        entries.append({"file": file, **prediction, "error": None})
    return entries


def _is_finite(value: Any) -> bool:
    """True if all numbers in `value` are finite."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or isfinite(value)

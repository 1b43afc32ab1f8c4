"""Filtered pictures: one PNG for each picture, with the response of a filter.

Edge detectors convert a picture to grey and draw light on black: the absolute response as a share of white,
clipped. Filters whose response is a picture again keep its colours. A run folder has, beside the pictures,

    arguments.yaml      the arguments of the command
    bad_images.csv      the pictures that could not be read, with the reasons
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from fovea import engine, filters, images, memory
from fovea.data import listing
from fovea.errors import DataError, OutOfMemoryError, ShapeError, mismatch, reason
from fovea.files import expanded
from fovea.names import same
from fovea.training.run_folder import Folder

TASK = "edges"
PICTURES = ("gaussian", "box", "sharpen", "emboss")  # their response is a picture, in colours
MAGNITUDES = ("prewitt", "roberts", "sobel", "scharr")
NAMES = ("canny", *MAGNITUDES, *filters.names())
SMOOTHING = ("canny", "gaussian")  # filters with a sigma
MOST = 1_000_000  # the highest threshold, above the response of any filter
_THREADS = 2  # pictures in memory: while one is read or written, another is filtered


@dataclass(frozen=True)
class Edges:
    """A filter and its options. Raises ShapeError for an invalid combination.

    name: one of NAMES. threshold: responses of at least this become white and all others black, in shares of
    white, or with OpenCV's convention in grey levels; for canny it is the higher threshold, and half of it
    the lower.
    """

    name: str = "sobel"
    threshold: float | None = None
    sigma: float | None = None
    convention: str = "scikit-image"
    mode: str | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ShapeError(mismatch("--filter", f"one of {', '.join(NAMES)}", repr(self.name)))
        if self.sigma is not None and self.name not in SMOOTHING:
            expected = f"--sigma with {' or '.join(SMOOTHING)} only"
            raise ShapeError(mismatch(f"--filter {self.name}", expected, f"--sigma {self.sigma:g}"))
        if self.threshold is not None and (self.name in PICTURES or not 0 <= self.threshold <= MOST):
            expected = "no threshold" if self.name in PICTURES else f"a threshold from 0 up, at most {MOST:,}"
            raise ShapeError(mismatch(f"--filter {self.name}", expected, f"--threshold {self.threshold:g}"))
        if self.name == "canny" and self.convention != "scikit-image":
            got = f"--convention {self.convention}"
            raise ShapeError(mismatch("--filter canny", "the convention scikit-image, its only one", got))
        self.drawn(np.zeros((1, 1, 1), np.uint8))  # the filter itself checks the rest

    def drawn(self, picture: np.ndarray) -> np.ndarray:
        """uint8 (H, W, C) → uint8, (H, W) for edges and (H, W, C) for pictures."""
        if self.name == "canny":
            high = None if self.threshold is None else 255 * self.threshold
            low = None if high is None else high / 2
            options: dict[str, Any] = {} if self.mode is None else {"mode": self.mode}
            edges = filters.canny(picture, 1.0 if self.sigma is None else self.sigma, low, high, **options)
            return np.where(edges, np.uint8(255), np.uint8(0))
        picture = picture if self.name in PICTURES else filters.grey(picture)
        response = self._filter()(picture, convention=self.convention, mode=self.mode)
        if self.threshold is not None:
            return np.where(np.abs(response) >= self.threshold, np.uint8(255), np.uint8(0))
        return response if response.dtype == np.uint8 else _shown(response, self.convention)

    def _filter(self) -> Callable[..., np.ndarray]:
        name, _, direction = self.name.partition("-")
        function = getattr(filters, name)
        if direction:
            return partial(function, axis=1 if direction in ("vertical", "rising") else 0)
        return function if self.sigma is None else partial(function, sigma=self.sigma)


@dataclass(frozen=True)
class Drawn:
    """The run folder; `files`, picture → the file drawn from it; and `bad`, unreadable picture → reason."""

    folder: Folder
    files: dict[str, Path] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)


def draw(
    places: Sequence[str],
    edges: Edges,
    *,
    out: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    note: Callable[[str], object] = lambda line: None,
) -> Drawn:
    """Draw the edges of every picture. Each of `places` is a picture, or a folder with all pictures below it
    (`data.listing`); `note` receives a line about skipped files.

    `out` is a new or empty folder, by default a new one in `runs/edges`. Each picture keeps its name and its
    path relative to the folder in `places`; of two equal names, the later is numbered. Unreadable pictures
    are skipped; if none is readable, no folder is left. `progress(done, total)` counts pictures. Raises
    FoveaError if the folder cannot be written; and, after drawing all others, OutOfMemoryError if memory did
    not suffice for some.
    """
    bad: dict[str, str] = {}
    jobs = list(_jobs(places, bad, note))
    root = Path(out) if out else Path("runs", TASK)
    absent = [path for path in (root, *root.parents) if not path.exists()]
    folder = Folder.create_at(out) if out else Folder.create(TASK, edges.name)
    result, short = Drawn(folder, bad=bad), list[str]()

    def one(file: Path, place: PurePath) -> Path | str:
        try:
            picture = images.read(file, channels=None if edges.name in PICTURES else 1)
            drawn = edges.drawn(picture)
        except DataError as error:
            return reason(error, file)
        except MemoryError as error:
            short.append(str(file))
            known = error if isinstance(error, OutOfMemoryError) else memory.shortage(str(file))
            return reason(known, file)
        path = folder.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, drawn)
        return path

    pool = ThreadPoolExecutor(_THREADS)
    try:
        with folder.writing():
            folder.write_arguments(_arguments(places, edges))  # first: it marks the pictures as Fovea's
            # Each thread runs in a copy of the caller's context, which holds the choice of engine.
            futures = [pool.submit(copy_context().run, one, file, place) for file, place in jobs]
            for done, ((file, _), future) in enumerate(zip(jobs, futures, strict=True), 1):
                outcome = future.result()
                if isinstance(outcome, str):
                    result.bad[str(file)] = outcome
                else:
                    result.files[str(file)] = outcome
                progress(done, len(jobs))
            if result.files:
                folder.write_bad_images(result.bad)
            else:
                folder.arguments.unlink()
                for made in absent if out else [folder.path, *absent]:
                    with suppress(OSError):  # another run may have started there
                        made.rmdir()
    finally:
        pool.shutdown(cancel_futures=True)
    memory.check_all(short, len(jobs))
    return result


def _jobs(
    places: Sequence[str], bad: dict[str, str], note: Callable[[str], object]
) -> Iterator[tuple[Path, PurePath]]:
    """Each picture once, with the path of its edges in the run folder; adds unusable places to `bad`."""
    seen: set[Path] = set()
    taken: set[str] = set()
    for place in places:
        root = expanded(place)
        try:
            files = [Path(file) for file in listing.collect(root, note)]
        except DataError as error:
            bad[place] = reason(error, root)
            continue
        for file in files:
            if file in seen:
                continue
            seen.add(file)
            name = file.relative_to(root) if root.is_dir() else PurePath(file.name)
            for number in range(1, len(taken) + 2):
                wanted = name.with_name(f"{name.stem}{'' if number == 1 else f'-{number}'}.png")
                key = same(str(wanted)).casefold()  # to some systems A.png and a.png are the same file
                if key not in taken:
                    break
            taken.add(key)
            yield file, wanted


def _shown(response: np.ndarray, convention: str) -> np.ndarray:
    """Absolute responses as shares of white, clipped at white."""
    white = 255.0 if convention == "scikit-image" else 1.0
    return np.rint(np.minimum(np.abs(response.astype(np.float32)) * white, 255)).astype(np.uint8)


def _arguments(places: Sequence[str], edges: Edges) -> dict[str, Any]:
    """The content of arguments.yaml."""
    return {
        "task": TASK, "pictures": [str(expanded(place).absolute()) for place in places],
        "filter": edges.name, "threshold": edges.threshold, "sigma": edges.sigma,
        "convention": edges.convention, "mode": edges.mode, "engine": engine.current(),
    }  # fmt: skip

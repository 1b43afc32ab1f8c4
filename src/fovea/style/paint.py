"""Painting files: photographs in, paintings out, by optimisation or in one pass."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fovea import images, memory
from fovea.errors import DataError, mismatch
from fovea.files import expanded
from fovea.files.tensors import read_tensors, write_tensors
from fovea.images import film
from fovea.style import colours
from fovea.style.masks import Masks
from fovea.style.options import Options, Style, shares
from fovea.style.painter import ANY, LEAST, TRAINED, Painter
from fovea.style.transfer import Transfer
from fovea.training.interrupts import Interrupt, Stopped

FOLDER = "paintings"
KEPT = (".jpg", ".jpeg", ".png", ".ppm", ".tif", ".tiff", ".webp")  # .bmp and .gif may have opacity, too
STATE = ".unfinished"  # after the painting's name: the file from which --resume continues
USUAL = 512  # pixels of the longer side of a painting by optimisation
PER_PIXEL = 700  # bytes that a painter in one pass needs

Report = Callable[[str, float], object]  # (what, share of the work that is done)
Watch = Callable[[Callable[[], np.ndarray]], object]  # (a function that returns the painting so far)


@dataclass(frozen=True)
class Job:
    """A photograph, its painting's file, and its name in messages."""

    photo: Path
    painting: Path


def jobs(
    photos: Sequence[str],
    out: str | None,
    overwrite: bool,
    resume: bool,
    *,
    frames: str | None = None,
    save_every: int | None = None,
) -> list[Job]:
    """The photographs in files and folders, with their paintings' files: `out` is a folder, or a picture's
    name for a single photograph. A painting has its photograph's name, and the extension too if that is one
    of `KEPT`, else .png.

    Raises FoveaError for places without pictures; for a painting, a film `frames` or a painting so far that
    exists, unless it may be overwritten or its state is there to `resume`; and for one in place of a
    photograph.
    """
    folder = expanded(out or FOLDER)
    found = [pair for place in map(expanded, photos) for pair in _found(place, folder)]
    if out and images.is_picture(folder) and not folder.is_dir():
        if len(found) != 1:
            raise DataError(mismatch(f"--out {out}", f"a folder for {len(found)} photographs", "a file"))
        made = [Job(found[0][0], folder)]
    else:
        made, names = list[Job](), {name for _, name in found if name.suffix.lower() in KEPT}
        for photo, name in found:
            if name.suffix.lower() not in KEPT:
                png = name.with_suffix(".png")
                name = name.with_name(f"{name.name}.png") if png in names else png
                names.add(name)
            made.append(Job(photo, folder / name))
    originals = {job.photo.resolve() for job in made}
    paintings = [job.painting for job in made]
    for job in made:
        if paintings.count(job.painting) > 1:
            expected = "photographs of different names"
            raise DataError(
                mismatch(f"{job.painting}", expected, "two of one name", "paint them one at a time")
            )
        resumed = resume and state_of(job).exists()
        _check_new(job.painting, originals, overwrite or resumed)
        _check_writable(job.painting)
        if save_every:
            for path in sorted(job.painting.parent.glob(_numbered(job.painting, "[0-9]*").name)):
                _check_new(path, originals, overwrite or resumed)
    if frames is not None:
        _check_writable(expanded(frames))
        _check_new(expanded(frames), {path.resolve() for path in (*originals, *paintings)}, overwrite)
    return made


def _found(place: Path, folder: Path) -> list[tuple[Path, Path]]:
    """The photographs at a place with their names in `folder`, whose own pictures are none of them."""
    if not place.is_dir():
        return [(place, Path(place.name))]
    inside = folder.resolve() if place.resolve() in folder.resolve().parents else None
    files = [path for path in place.rglob("*") if path.is_file() and images.is_picture(path)]
    files = sorted(path for path in files if inside not in path.resolve().parents)
    if not files:
        raise DataError(mismatch(f"{place}", "a folder with pictures", "none"))
    return [(file, file.relative_to(place)) for file in files]


def _check_new(path: Path, kept: Collection[Path], overwrite: bool) -> None:
    """Raise DataError if a file is one of those to be `kept`, or exists and may not be overwritten."""
    if path.resolve() in kept:
        got, remedy = "one that exists, a photograph or its painting", "choose another with --out or --frames"
        raise DataError(mismatch(f"{path}", "a new file", got, remedy))
    if path.exists() and not overwrite:
        remedy = "choose another with --out, or allow it with --overwrite"
        raise DataError(mismatch(f"{path}", "a new file", "one that exists", remedy))


def _check_writable(path: Path) -> None:
    """Raise DataError, before an hour of painting, if its file could not be written."""
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        got = f"{folder}, a read-only folder" if folder.is_dir() else f"{folder}, which is no folder"
        raise DataError(
            mismatch(f"{path}", "a file that can be written", got, "choose another place with --out")
        )


def _numbered(painting: Path, number: str) -> Path:
    """The file of a painting so far."""
    return painting.with_stem(f"{painting.stem}-{number}")


def state_of(job: Job) -> Path:
    """The file with the state of an unfinished painting."""
    return job.painting.with_name(job.painting.name + STATE)


@dataclass(frozen=True)
class Photo:
    """A photograph uint8 (H, W, 3), the opacity uint8 (H, W) of its pixels, None for an opaque one, its
    colour profile, and its size (H, W) in the file."""

    pixels: np.ndarray
    opacity: np.ndarray | None
    profile: bytes | None
    size: tuple[int, int]

    @classmethod
    def read(cls, path: Path, size: int | None = None) -> "Photo":
        """The photograph in a file; its longer side has `size` pixels, by default its own. Raises
        DataError."""
        height, width, _ = images.inspect(path)
        share = 1 if size is None else size / max(height, width)
        wanted = max(round(height * share), 1), max(round(width * share), 1)
        opacity, profile = images.extras(path)
        if profile is not None and profile[16:20] in (b"GRAY", b"CMYK"):  # its colours: a painting has RGB
            profile = None
        return cls(images.read(path, wanted, 3), opacity, profile, (height, width))

    def check_opacity(self, path: Path) -> None:
        """Raise DataError if the photograph is transparent somewhere, and a file of that name cannot be."""
        if (
            path.suffix.lower() not in images.TRANSPARENT
            and self.opacity is not None
            and self.opacity.min() < 255
        ):
            expected = f"a name with {', '.join(images.TRANSPARENT)}, for a photograph with transparency"
            raise DataError(mismatch(f"{path}", expected, path.suffix, "choose one with --out"))

    def write(self, path: Path, painting: np.ndarray) -> None:
        """Write a painting with the opacity and the profile of the photograph. Raises DataError."""
        if self.opacity is not None and path.suffix.lower() in images.TRANSPARENT:
            opacity = images.fit(self.opacity[None, :, :, None], painting.shape[:2])[0]
            painting = np.concatenate([painting, opacity], axis=2)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            images.write(path, painting, self.profile)
        except OSError as error:
            remedy = "choose another place with --out"
            raise DataError(
                mismatch(f"{path}", "a file that can be written", error.strerror, remedy)
            ) from error


def in_detail(
    job: Job,
    styles: Sequence[Style],
    options: Options,
    *,
    resume: bool = False,
    save_every: int | None = None,
    frames: str | None = None,
    report: Report = lambda what, done: None,
    watch: Watch = lambda painting: None,
    note: Callable[[str], object] = lambda line: None,
) -> None:
    """Paint by optimisation, in the styles of pictures.

    Ctrl-C writes the painting so far and its state, from which `resume` continues to the same bits. After
    each `save_every` steps, the painting so far is written beside it, numbered; `frames` is the file of a
    film of the painting as it becomes. `watch` is called once, and `note` with a line about the tiles of a
    large painting. Raises FoveaError, and Stopped after Ctrl-C.
    """
    photo = Photo.read(job.photo)
    photo.check_opacity(job.painting)
    _masks(job, photo, styles)  # raises

    taken, step, loss = list[np.ndarray](), 0, ""
    with Interrupt() as interrupt, memory.room_for(0, f"{job.photo}"):

        def pause(done: float) -> None:
            report(f"{job.painting.name}{loss}", done)
            if interrupt.asked:
                raise Stopped

        def compiling(done: int, total: int, what: str) -> None:
            report(f"compiling {what}", 0.0)

        how: dict[str, Any] = {"progress": compiling, "pause": pause, "who": f"{job.photo}"}
        transfer = Transfer(photo.pixels, styles, options, **how)
        watch(transfer.painting)
        if resume and state_of(job).exists():
            step, state = _state(job, transfer.digest)
            transfer.resume(state)
        if transfer.tiles:
            note(f"{job.photo.name}: {transfer.tiles}")
        try:
            for moment in transfer.steps():
                step, loss = step + 1, f", loss {moment.loss:.4f}"
                if frames:
                    taken.append(film.frame(transfer.painting()))
                if save_every and step % save_every == 0:
                    photo.write(_numbered(job.painting, f"{step:04}"), transfer.painting())
                pause(moment.done)
        except Stopped:
            if not (state := transfer.state()):
                raise Stopped(f"stopped before the first step of {job.painting}") from None
            photo.write(job.painting, transfer.painting())
            write_tensors(state_of(job), state, {"digest": transfer.digest, "step": str(step)})
            remedy = "add --resume to continue"
            raise Stopped(f"stopped; {job.painting} has the painting so far: {remedy}") from None
        photo.write(job.painting, transfer.painting())
        if frames:
            film.write(expanded(frames), taken or [film.frame(transfer.painting())])
        state_of(job).unlink(missing_ok=True)


def _state(job: Job, digest: str) -> tuple[int, dict[str, np.ndarray]]:
    """The steps and the state of an unfinished painting of that digest. Raises DataError for another's."""
    metadata, arrays = read_tensors(state_of(job))
    if metadata.get("digest") != digest:
        expected, got = "the same photograph, styles and options", "others"
        remedy = f"repeat the command that made it, or delete {state_of(job)}"
        raise DataError(mismatch(f"--resume: {job.painting}", expected, got, remedy))
    return int(metadata.get("step", 0)), arrays


def in_one_pass(
    job: Job,
    styles: Sequence[Style],
    *,
    size: int | None = None,
    strength: float = 1.0,
    keep_colours: bool = False,
    scale: float = 1.0,
    painters: dict[str, Painter],
) -> None:
    """Paint in one pass, in trained and learned styles or in those of pictures. `painters` keeps the painters
    that were used. Raises FoveaError."""
    photo = Photo.read(job.photo, size)
    photo.check_opacity(job.painting)
    name = ANY if isinstance(styles[0].picture, np.ndarray) else TRAINED
    painter = painters.setdefault(name, Painter(name))
    H, W, _ = photo.pixels.shape
    seen = max(round(H / scale), LEAST), max(round(W / scale), LEAST)
    areas = _masks(job, photo, styles).at((H, W))

    def painted(mixed: Mapping[int, float]) -> np.ndarray:
        chosen = [Style(styles[index].picture, share) for index, share in mixed.items()]
        painting = painter.paint(images.fit(photo.pixels[None], seen)[0], chosen, strength=strength)
        painting = images.fit(painting[None], (H, W))[0]
        if not keep_colours:
            return painting
        return colours.of_photo(painting.astype(np.float32), photo.pixels.astype(np.float32))

    with memory.room_for(
        PER_PIXEL * seen[0] * seen[1], f"{job.photo}", "to paint it: choose a smaller --size"
    ):
        paintings = [painted(mixed) for mixed in areas.shares]
        photo.write(job.painting, areas.blended(photo.pixels, paintings))


def _masks(job: Job, photo: Photo, styles: Sequence[Style]) -> Masks:
    """The masks of a photograph's styles. Raises ShapeError."""
    of_sum_1 = shares([style.share for style in styles])
    return Masks([style.mask for style in styles], of_sum_1, photo.size, f"{job.photo}")


def contact_sheet(job: Job, size: int | None, painter: Painter) -> None:
    """Write a sheet of the photograph in all trained styles, numbered. Raises FoveaError."""
    photo = Photo.read(job.photo, size or 192)
    replace(photo, opacity=None).write(job.painting, film.sheet(painter.sheet(photo.pixels)))

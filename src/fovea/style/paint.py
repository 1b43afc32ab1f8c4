"""Painting files: photographs in, paintings out, by optimisation or in one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
STATE = ".unfinished"  # after the painting's name: the file from which --resume continues
USUAL = 512  # pixels of the longer side of a painting by optimisation
PER_PIXEL = 700  # bytes that a painter in one pass needs

Report = Callable[[str, float], object]  # (what, share of the work that is done)


@dataclass(frozen=True)
class Job:
    """A photograph, its painting's file, and its name in messages."""

    photo: Path
    painting: Path


def jobs(photos: Sequence[str], out: str | None, overwrite: bool, resume: bool) -> list[Job]:
    """The photographs in files and folders, with their paintings' files: `out` is a folder, or a picture's
    name for a single photograph. Raises FoveaError for places without pictures, and for a painting that
    exists, unless it may be overwritten or its state is there to `resume`."""
    found: list[Job] = []
    folder = expanded(out or "paintings")
    for place in map(expanded, photos):
        if place.is_dir():
            files = sorted(path for path in place.rglob("*") if path.is_file() and images.is_picture(path))
            if not files:
                raise DataError(mismatch(f"{place}", "a folder with pictures", "none"))
            found += [Job(file, folder / file.relative_to(place).with_suffix(".png")) for file in files]
        else:
            found.append(Job(place, folder / f"{place.stem}.png"))
    if out and images.is_picture(folder) and not folder.is_dir():
        if len(found) != 1:
            raise DataError(mismatch(f"--out {out}", f"a folder for {len(found)} photographs", "a file"))
        found = [Job(found[0].photo, folder)]
    paintings = [job.painting for job in found]
    for job in found:
        if paintings.count(job.painting) > 1:
            expected = "photographs of different names"
            raise DataError(mismatch(f"{job.painting}", expected, "two of one name", "paint them by turns"))
        if job.painting.exists() and not (overwrite or (resume and state_of(job).exists())):
            remedy = "choose another with --out, or allow it with --overwrite"
            raise DataError(mismatch(f"{job.painting}", "a new file", "one that exists", remedy))
    return found


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
        return cls(images.read(path, wanted, 3), *images.extras(path), (height, width))

    def write(self, path: Path, painting: np.ndarray) -> None:
        """Write a painting with the opacity and the profile of the photograph. Raises DataError."""
        if self.opacity is not None and path.suffix.lower() not in (".jpg", ".jpeg", ".bmp", ".ppm"):
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
) -> None:
    """Paint by optimisation, in the styles of pictures.

    Ctrl-C writes the painting so far and its state, from which `resume` continues to the same bits. After
    each `save_every` steps, the painting so far is written beside it, numbered; `frames` is the file of a
    film of the painting as it becomes. Raises FoveaError, and Stopped after Ctrl-C.
    """
    photo = Photo.read(job.photo)
    _masks(job, photo, styles)  # raises

    def compiling(done: int, total: int, what: str) -> None:
        report(f"compiling {what}", 0.0)

    transfer = Transfer(photo.pixels, styles, options, progress=compiling)
    if resume and state_of(job).exists():
        transfer.resume(_state(job, transfer.digest))
    taken: list[np.ndarray] = []
    with Interrupt() as interrupt:
        for step, moment in enumerate(transfer.steps(), start=1):
            report(f"{job.painting.name}, loss {moment.loss:.4f}", moment.done)
            if frames:
                taken.append(film.frame(transfer.painting()))
            if save_every and step % save_every == 0:
                numbered = job.painting.with_stem(f"{job.painting.stem}-{step:04}")
                photo.write(numbered, transfer.painting())
            if interrupt.asked:
                photo.write(job.painting, transfer.painting())
                write_tensors(state_of(job), transfer.state(), {"digest": transfer.digest})
                raise Stopped(f"stopped; {job.painting} has what there is: add --resume to continue")
    photo.write(job.painting, transfer.painting())
    if frames:
        film.write(expanded(frames), taken)
    state_of(job).unlink(missing_ok=True)


def _state(job: Job, digest: str) -> dict[str, np.ndarray]:
    """The state of an unfinished painting of that digest. Raises DataError for one of another."""
    metadata, arrays = read_tensors(state_of(job))
    if metadata.get("digest") != digest:
        expected, got = "the same photograph, styles and options", "others"
        remedy = f"repeat the command that made it, or delete {state_of(job)}"
        raise DataError(mismatch(f"--resume: {job.painting}", expected, got, remedy))
    return arrays


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
    """Paint in one pass, in trained styles or in those of pictures. `painters` keeps the painters that were
    used. Raises FoveaError."""
    photo = Photo.read(job.photo, size)
    name = TRAINED if isinstance(styles[0].picture, int) else ANY
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

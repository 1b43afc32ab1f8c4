"""Neural style transfer."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from fovea.cli.common import Debug, Pictures, Seed, Threads, app, or_usage_error, set_threads, usage, warn
from fovea.errors import DataError, FoveaError, reason
from fovea.names import counted, say

if TYPE_CHECKING:
    import numpy as np


@app.command(epilog="[bold]Example:[/bold]  fovea paint photo.jpg --style painting.jpg")
def paint(
    photos: Pictures,
    style: Annotated[
        str | None,
        typer.Option(
            metavar="STYLE",
            help="Picture, number of a trained style, or file of a learned one; several: 3:0.5,12:0.5.",
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Paint in the style of a picture in one pass.")
    ] = False,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Show the photograph in all trained styles, numbered.")
    ] = False,
    size: Annotated[
        int | None,
        typer.Option(
            min=16,
            metavar="PIXELS",
            help="Longer side of the painting.",
            show_default="512, the photograph's own in one pass",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Style against photograph, from 0 to 1.", show_default="0.5, 1 in one pass"
        ),
    ] = None,
    colour: Annotated[str, typer.Option(help="Colours of the style, or of the photo.")] = "style",
    style_scale: Annotated[
        float, typer.Option(min=0.1, max=10, help="Size of the strokes against the usual.")
    ] = 1.0,
    start: Annotated[str, typer.Option(help="First painting: the photo, or noise.")] = "photo",
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            help="Evaluations at each size, the last the painting's own.",
            show_default="60,40,12",
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MASK",
            help="Picture of the photograph's size, white where to paint; repeat it for one per style.",
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            min=256,
            metavar="PIXELS",
            help="Longest side of the tiles in which a large painting is computed.",
            show_default="as memory allows",
        ),
    ] = None,
    seed: Seed = None,
    save_every: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, metavar="STEPS", help="Also save the painting so far.")
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Film of the painting as it becomes: .webp, .gif or .png."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a painting that was stopped.")] = False,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Folder to write to, or the file of one painting.", show_default="paintings"
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace paintings that exist.")] = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Paint photographs in the style of a picture, or in one of 26 trained styles. Exit code 1 if none could
    be painted."""
    from fovea.apps.counter import Counter
    from fovea.images import film
    from fovea.style import paint, styles
    from fovea.style.options import COLOURS, Options, shares
    from fovea.style.painter import TRAINED, Painter

    if sheet == (style is not None):
        usage("expected either --style STYLE or --sheet")
    if colour not in COLOURS:
        usage(f"--colour: expected {' or '.join(COLOURS)}, got {colour!r}")
    chosen = {} if style is None else or_usage_error(styles.read, style)
    trained = all(map(styles.is_trained, chosen))
    masks = mask or []
    if sheet:
        for_paintings = {
            "--mask": mask or None, "--fast": fast or None, "--strength": strength,
            "--colour": colour if colour != "style" else None,
            "--style-scale": style_scale if style_scale != 1 else None,
        }  # fmt: skip
        if idle := [name for name, value in for_paintings.items() if value is not None]:
            usage(f"{', '.join(idle)}: expected a painting, got --sheet")
    if len(masks) not in (0, 1, len(chosen)):
        each = counted(len(chosen), "style")
        usage(f"--mask: expected one in all, or one for each of {each}, got {len(masks)}")
    detailed = not (trained or fast)
    if not detailed:
        others = {
            "--steps": steps, "--save-every": save_every, "--frames": frames, "--resume": resume or None,
            "--start": start if start != "photo" else None, "--tile": tile, "--seed": seed,
        }  # fmt: skip
        if idle := [name for name, value in others.items() if value is not None]:
            usage(f"{', '.join(idle)}: expected a painting by optimisation, got one in one pass")
    if frames is not None:
        or_usage_error(film.check, frames)
    counts = None if steps is None else or_usage_error(_counts, steps)
    options = or_usage_error(
        lambda: Options(
            size=size or paint.USUAL, strength=0.5 if strength is None else strength, colours=colour,
            style_scale=style_scale, start=start, seed=seed or 0, evaluations=counts, tile=tile,
        )
    )  # fmt: skip
    set_threads(threads)
    painters: dict[str, Painter] = {}
    given = styles.styles(chosen, masks)
    if trained:
        painters[TRAINED] = Painter()
        if not sheet:
            or_usage_error(painters[TRAINED].shares, {style.picture: style.share for style in given})
    else:
        or_usage_error(shares, [style.share for style in given])
    jobs = paint.jobs(photos, out, overwrite, resume, frames=frames, save_every=save_every)
    if frames is not None and len(jobs) > 1:
        usage(f"--frames: expected one photograph, got {len(jobs)}")
    failed = 0
    with Counter("painting") as counter:
        for number, job in enumerate(jobs):

            def report(what: str, done: float, number: int = number) -> None:
                counter.title = what
                counter(round(1000 * (number + done)), 1000 * len(jobs))

            def watch(painting: "Callable[[], np.ndarray]") -> None:
                counter.picture = painting

            try:
                if sheet:
                    paint.contact_sheet(job, size, painters[TRAINED])
                elif detailed:
                    paint.in_detail(
                        job, given, options, resume=resume, save_every=save_every, frames=frames,
                        report=report, watch=watch, note=warn,
                    )  # fmt: skip
                else:
                    paint.in_one_pass(
                        job, given, size=size, strength=1.0 if strength is None else strength,
                        keep_colours=colour == "photo", scale=style_scale, painters=painters,
                    )  # fmt: skip
            except FoveaError as error:
                if len(jobs) == 1:
                    raise
                warn(f"{job.photo}: {reason(error, job.photo)}")
                failed += 1
            report(job.painting.name, 1)
    if failed == len(jobs):
        raise typer.Exit(1)
    where = jobs[0].painting if len(jobs) == 1 else jobs[0].painting.parent
    say(f"{counted(len(jobs) - failed, 'painting')} written to {where}")


def _counts(text: str) -> list[int]:
    """The numbers in "60,40,12". Raises DataError."""
    from fovea.errors import mismatch
    from fovea.ranges import short

    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("0*[1-9][0-9]{,8}", part) for part in parts):
        raise DataError(mismatch("--steps", "whole numbers of at least 1, as in 60,40,12", short(text)))
    return [int(part) for part in parts]

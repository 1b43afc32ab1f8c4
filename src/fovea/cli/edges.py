"""Draw the edges of pictures."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Out, Pictures, Threads, app, set_threads, skipped, usage, warn
from fovea.errors import ShapeError
from fovea.names import counted, say


@app.command(epilog="[bold]Example:[/bold]  fovea edges photos --filter canny")
def edges(
    places: Pictures,
    filter_name: Annotated[
        str,
        typer.Option(
            "--filter", metavar="NAME", help="sobel, canny, scharr-vertical …; an unknown name lists all."
        ),
    ] = "sobel",
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="T", help="Responses of T and above become white, the rest black; for example 0.1."
        ),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(help="Standard deviation of gaussian and canny, in pixels.", show_default="1"),
    ] = None,
    convention: Annotated[
        str, typer.Option(help="Scaling and border convention: scikit-image or opencv.")
    ] = ("scikit-image"),
    mode: Annotated[
        str | None,
        typer.Option(
            help="Border mode: reflect, mirror, nearest, wrap, constant.", show_default="as convention"
        ),
    ] = None,
    threads: Threads = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Apply an edge detector or another filter to pictures. Exit code 1 if none could be read."""
    from fovea.apps.counter import Counter
    from fovea.apps.edges import Edges, draw

    set_threads(threads)
    try:
        asked = Edges(filter_name, threshold, sigma, convention, mode)
    except ShapeError as error:
        usage(str(error))
    with Counter("filtering") as counter:
        drawn = draw(places, asked, out=out, progress=counter, note=warn)
    for file, reason in drawn.bad.items():
        warn(f"{file}: {reason}")
    if not drawn.files:
        raise typer.Exit(1)
    skipped(drawn.bad, drawn.folder.bad_images)
    say(f"{counted(len(drawn.files), 'picture')} written to {drawn.folder.path}")

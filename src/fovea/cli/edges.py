"""Draw the edges of pictures."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Threads, app, pictures, set_threads, usage, warn
from fovea.errors import ShapeError


@app.command(epilog="[bold]Example:[/bold]  fovea edges photos --filter canny")
def edges(
    places: Annotated[
        list[str], typer.Argument(metavar="IMAGE_OR_FOLDER...", help="Pictures, and folders of them.")
    ],
    filter: Annotated[
        str, typer.Option(metavar="NAME", help="sobel, canny, scharr-vertical …; a wrong name lists all.")
    ] = "sobel",
    threshold: Annotated[
        float | None, typer.Option(metavar="T", help="White from this answer on, black below: 0.1, say.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(help="How far gaussian and canny smooth, in pixels.", show_default="1")
    ] = None,
    convention: Annotated[str, typer.Option(help="Whose scaling and border: scikit-image or opencv.")] = (
        "scikit-image"
    ),
    mode: Annotated[
        str | None,
        typer.Option(
            help="Beyond the border: reflect, mirror, nearest, wrap, constant.", show_default="as convention"
        ),
    ] = None,
    threads: Threads = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The folder to write.", show_default="a new one in runs/edges"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Draw what an edge detector, or another filter, answers to pictures. Exit code 1 where none could be
    read."""
    from fovea.apps import edges as app
    from fovea.apps.counter import Counter

    set_threads(threads)
    try:
        asked = app.Edges(filter, threshold, sigma, convention, mode)
    except ShapeError as error:
        usage(str(error))
    with Counter("filtering") as counter:
        drawn = app.draw(places, asked, out=out, progress=counter, note=warn)
    for file, reason in drawn.bad.items():
        warn(f"{file}: {reason}")
    if not drawn.files:
        raise typer.Exit(1)
    if drawn.bad:
        print(f"passed over {pictures(len(drawn.bad))}, for reasons in {drawn.folder.bad_images}")
    print(f"{pictures(len(drawn.files))} written to {drawn.folder.path}")

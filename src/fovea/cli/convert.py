"""Convert boxes between formats."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Seed, app, or_usage_error, warn
from fovea.names import say


@app.command(epilog="[bold]Example:[/bold]  fovea convert cells --to yolo --out cells-yolo")
def convert(
    data: Annotated[str, typer.Argument(metavar="DATA", help="Folder of pictures with boxes, or data.yaml.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="yolo, coco or voc.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="New folder to write.")],
    from_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Format of DATA: yolo, coco, voc, cvat, labelme or csv.",
            show_default="recognised",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Keep related pictures in the same part: patient(\\d+), or a .csv file."
        ),
    ] = None,
    seed: Seed = None,
    debug: Debug = False,
) -> None:
    """Write pictures and boxes in another format. DATA stays as it is."""
    from fovea.apps.counter import Counter
    from fovea.detection import formats
    from fovea.detection.formats import writing

    or_usage_error(writing.check_writable, to)
    if from_format is not None:
        or_usage_error(formats.check_format, from_format)
    found = formats.read(data, from_format, seed=seed or 0, groups=groups)
    if found is None:
        raise formats.none_found(data)
    say(found.line)
    for line in found.notes:
        warn(line)
    with Counter("copying") as counter:
        notes = writing.write(found, to, out, counter)
    for line in notes:
        warn(line)
    parts = ", ".join(f"{name} {len(part):,}" for name, part in found.parts.items())
    say(f"{out}: {formats.FORMATS[to].title}, pictures: {parts}")

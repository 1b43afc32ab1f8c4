"""Look at what a network sees."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Out, Threads, Trained, app, or_usage_error, set_threads, warn
from fovea.names import say


@app.command(epilog="[bold]Example:[/bold]  fovea inspect runs/classify/train cat.jpg --data photos")
def inspect(
    model: Trained,
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Pictures.")],
    layer: Annotated[
        str | None,
        typer.Option(
            help="Layer for Grad-CAM; all of its maps are shown.", show_default="the last convolution"
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="ROW,COLUMN",
            help="Unit of --layer whose receptive field to show.",
            show_default="the strongest",
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Class to explain.", show_default="the most likely"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Data set to map in two dimensions, with its mistakes."),
    ] = None,
    threads: Threads = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Show what a model sees in pictures: maps, filters, saliency and Grad-CAM, as one page."""
    from fovea.apps.counter import Counter
    from fovea.apps.inspect import inspect as inspection

    or_usage_error(inspection.check_unit, unit)
    set_threads(threads)
    with Counter("inspecting") as counter:
        found = inspection.inspect(
            model, images, layer=layer, unit=inspection.check_unit(unit), class_name=class_name, source=data,
            out=out, progress=counter,
        )  # fmt: skip
    for file, why in found.bad.items():
        warn(f"{file}: {why}")
    for file, (name, probability) in found.answers.items():
        say(file, name, f"{probability:.2%}")
    if found.choice:
        say(f"{data}: {found.choice.described}")
        for line in found.choice.warnings:
            warn(f"warning: {line}")
    say(f"the page is {found.report}")

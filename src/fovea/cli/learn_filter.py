"""Learn a filter from pictures."""

from typing import Annotated

import typer

from fovea.cli.common import (
    Debug,
    Out,
    Pictures,
    Seed,
    Threads,
    app,
    is_given,
    or_usage_error,
    set_threads,
    skipped,
    usage,
)
from fovea.names import say


@app.command(epilog="[bold]Example:[/bold]  fovea learn-filter photos --target sobel-vertical")
def learn_filter(
    context: typer.Context,
    places: Pictures,
    target: Annotated[
        str, typer.Option(metavar="NAMES", help="Filters to learn, separated by commas.")
    ] = "sobel-vertical",
    targets: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Folder with the same pictures, filtered by any program, instead of --target."
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of the filter in pixels, odd.", show_default="the filter's, or 3"),
    ] = None,
    filters: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Number of filters.", show_default="one per target")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Maximum number of steps.")] = 2000,
    seed: Seed = None,
    threads: Threads = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Learn a filter by gradient descent from pictures and their filtered versions."""
    from fovea.apps.learn_filter import progress
    from fovea.apps.learn_filter.findings import verdict
    from fovea.apps.learn_filter.learn import known, learn

    if targets is not None and is_given(context, "target"):
        usage("--target and --targets cannot be combined")
    set_threads(threads)
    or_usage_error(known, target, None if targets else targets, size)
    found = learn(
        places, target, targets=targets, size=size, count=filters, steps=steps, seed=seed or 0, out=out,
        reporter=progress.shown(),
    )  # fmt: skip
    for number, name in enumerate(found.names):
        for line in (f"{name}:", *progress.text(found.learned.W, number).split("\n")):
            say(line)
        if found.true is None:
            say(f"   bias {progress.decimals(found.learned.b[number].item()).strip()}")
        if found.errors is not None:
            say(f"   largest error: {found.errors[number]:.1g}")
    say(verdict(found))
    skipped(found.bad, found.folder.bad_images)
    say(f"the filter, its model and its figures are in {found.folder.path}")

"""Learn the style of a painting."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Seed, Threads, app, check_alone, set_threads, usage
from fovea.names import say, typed


@app.command(epilog="[bold]Example:[/bold]  fovea learn-style painting.jpg --pictures photos")
def learn_style(
    context: typer.Context,
    painting: Annotated[
        str | None, typer.Argument(metavar="PAINTING", help="Picture to learn the style of.")
    ] = None,
    pictures: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of photographs to learn from.")
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0, max=1, help="Style against photograph, from 0 to 1.")
    ] = 0.5,
    style_scale: Annotated[
        float, typer.Option(min=0.1, max=10, help="Size of the strokes against the usual.")
    ] = 1.0,
    size: Annotated[
        int, typer.Option(min=32, max=1024, metavar="PIXELS", help="Side of the parts of the photographs.")
    ] = 256,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="Number of steps.")] = 200,
    seed: Seed = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="File of the style.", show_default="PAINTING.safetensors"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Resume the run in this folder.")] = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Learn the style of a painting from photographs, for fovea paint. Ctrl-C saves; --resume continues."""
    from fovea.style import learn
    from fovea.training import progress

    set_threads(threads)
    if resume is not None:
        check_alone(context)
        found = learn.resume(resume, progress.shown())
    else:
        if painting is None or pictures is None:
            usage("expected PAINTING and --pictures DIR, or --resume RUN")
        found = learn.learn(
            painting, pictures, strength=strength, style_scale=style_scale, size=size, steps=steps,
            seed=seed or 0, out=out, overwrite=overwrite, progress=progress.shown(),
        )  # fmt: skip
    say(f"style written to {found.file}; now try: fovea paint PHOTO --style {typed(found.file)}")

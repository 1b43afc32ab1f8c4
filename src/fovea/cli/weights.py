"""List trained weights, and fetch those of torchvision."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, app
from fovea.names import say, typed

weights = typer.Typer(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(weights, name="weights")


@weights.callback(epilog="[bold]Example:[/bold]  fovea weights get resnet50")
def list_(context: typer.Context, debug: Debug = False) -> None:
    """List trained weights and whether they are here, or fetch some. Without get, nothing is downloaded."""
    from fovea.apps import weights as app_

    if context.invoked_subcommand is None:
        print(app_.listed())


@weights.command(epilog="[bold]Example:[/bold]  fovea weights get resnet50")
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that fovea weights lists.")],
    force: Annotated[bool, typer.Option("--force", help="Download again what is there.")] = False,
    debug: Debug = False,
) -> None:
    """Download torchvision's weights, check their digest, and keep them in the cache."""
    from fovea.apps import weights as app_
    from fovea.apps.counter import Counter
    from fovea.weights import packaged

    with Counter("downloading, MB") as counter:
        path, is_new = app_.get(name, force=force, progress=counter)
    model = typed(path) if name in packaged() else name  # the package's come first under their name
    say(f"{path}: {'fetched' if is_new else 'is there already'}; now try: fovea predict {model} PICTURE")

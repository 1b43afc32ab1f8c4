"""Look at a network from outside."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, app


@app.command(epilog="[bold]Example:[/bold]  fovea summary lenet5")
def summary(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model file, run folder or built-in architecture.")
    ],
    debug: Debug = False,
) -> None:
    """Show a network's layers, what each costs, and what a fully connected one in its place would."""
    from fovea.apps import models

    print(models.any_of(model).summary())

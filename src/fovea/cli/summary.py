"""Summarise a network and its kernels."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Json, Model, Precision, Threads, app, set_threads
from fovea.files import jsons


@app.command(epilog="[bold]Example:[/bold]  fovea summary lenet5")
def summary(
    model: Model,
    debug: Debug = False,
) -> None:
    """Show a network's layers and their cost, next to that of fully connected layers."""
    from fovea.training import trained

    print(trained.any_of(model).summary())


@app.command(epilog="[bold]Example:[/bold]  fovea explain-kernels lenet5 --batch-size 256")
def explain_kernels(
    model: Model,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures per batch.")] = 64,
    training: Annotated[
        bool, typer.Option("--training/--inference", help="A training step or a prediction.")
    ] = True,
    as_json: Json = False,
    precision: Precision = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Show the kernel of each stage and pass, why it was chosen, and its share of peak speed."""
    from fovea.apps.counter import Counter
    from fovea.apps.explain import explain, text
    from fovea.training import trained

    set_threads(threads)
    network = trained.any_of(model)
    network.precision = precision or network.precision
    with Counter("compiling") as counter:
        found = explain(network, model, batch_size=batch_size, training=training, progress=counter)
    print(jsons.dumps(found.to_json(), indent=2) if as_json else text(found))

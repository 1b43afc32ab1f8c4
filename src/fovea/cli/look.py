"""Show a network at work in the browser."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, Model, Threads, app, set_threads
from fovea.names import say


@app.command(epilog="[bold]Example:[/bold]  fovea look runs/classify/train")
def look(
    model: Model,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Pictures to choose from.", show_default="the model's own"),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Run to watch.", show_default="MODEL, if it is a run"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 admits other machines.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8642,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Serve a local page that shows the network at work, until Ctrl-C."""
    from fovea.web import start

    set_threads(threads)
    start.look(model, data, run, host=host, port=port, open_browser=open_browser, say=say)

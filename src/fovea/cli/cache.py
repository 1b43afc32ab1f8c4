"""Show and empty the cache on disk."""

from typing import Annotated

import typer

from fovea.cli.common import Debug, app
from fovea.names import say


@app.command(epilog="[bold]Example:[/bold]  fovea cache --empty")
def cache(
    empty: Annotated[
        bool,
        typer.Option("--empty", help="Delete the contents; all but fetched weights is rebuilt when needed."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Show where compiled kernels, decoded pictures, features and fetched weights are kept, and their
    size."""
    from fovea.files import caching

    places = caching.places()
    for place in places:
        say(place)
        for name in ("kernels", "pictures", "features", "weights"):
            say(f"  {name:8}  {_bytes(caching.size(place / name)):>9}")
    if empty:
        say(f"freed {_bytes(sum(map(caching.empty, places)))}")


def _bytes(count: int) -> str:
    """1.5 MB"""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError

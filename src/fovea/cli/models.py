"""List the built-in architectures."""

from fovea.cli.common import Debug, Json, app
from fovea.files import jsons


@app.command(epilog="[bold]Example:[/bold]  fovea predict efficientnet_lite0 photo.jpg")
def models(as_json: Json = False, debug: Debug = False) -> None:
    """List the built-in architectures, their cost, and which have trained weights."""
    from fovea.models.overview import overview, text

    found = overview()
    print(jsons.dumps([one.to_json() for one in found], indent=2) if as_json else text(found))

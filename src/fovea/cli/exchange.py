"""Export models to other programs, and import them."""

import re
from typing import Annotated

import typer

from fovea.cli.common import Debug, Trained, app, or_usage_error, usage
from fovea.names import counted, say
from fovea.ranges import short


@app.command(epilog="[bold]Example:[/bold]  fovea export runs/classify/train --format onnx")
def export(
    model: Trained,
    file_format: Annotated[
        str, typer.Option("--format", help="onnx, or torch for weights with torchvision's names.")
    ] = "onnx",
    numbers: Annotated[
        bool,
        typer.Option("--numbers", help="Expect preprocessed numbers as input, not pixels from 0 to 255."),
    ] = False,
    logits: Annotated[bool, typer.Option("--logits", help="Leave out the final softmax.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="File to write.", show_default="MODEL's name")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a model for other programs."""
    from fovea.apps import exchange

    or_usage_error(exchange.check_format, file_format)
    path, words = exchange.export(model, file_format, out, numbers=numbers, logits=logits)
    say(f"{path}: {words}")


@app.command("import", epilog="[bold]Example:[/bold]  fovea import resnet18.onnx --classes imagenet.txt")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An ONNX file.")],
    classes: Annotated[str | None, typer.Option(metavar="FILE", help="Class names, one per line.")] = None,
    mean: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="Mean of each channel, for pixels from 0 to 1: 0.5,0.5,0.5."),
    ] = None,
    std: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Standard deviation of each channel.")
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(
            metavar="H,W,C", help="Input shape, if the file leaves it open.", show_default="the file's"
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Model file to write.", show_default="FILE's name")
    ] = None,
    debug: Debug = False,
) -> None:
    """Convert an ONNX file to a model: to predict, to train further, to look inside."""
    from fovea.apps import exchange

    path, network = exchange.import_onnx(
        file, out, classes=classes, mean=_numbers("--mean", mean), std=_numbers("--std", std),
        input_shape=None if input_shape is None else _lengths(input_shape), note=say,
    )  # fmt: skip
    shape = "×".join(map(str, network.input_shape))
    layers, parameters = counted(len(network.layers), "layer"), counted(network.parameter_count, "parameter")
    say(f"{path}: {layers}, {parameters}, input {shape}")
    if not exchange.knows_pixels(network):
        say(
            "pixels are scaled to 0..1; if the network expects another range, import it with --mean and --std"
        )


def _numbers(option: str, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(word) for word in text.split(",")]
    except ValueError:
        usage(f"{option}: expected numbers separated by commas, got {short(text)}")


def _lengths(text: str) -> list[int]:
    if not re.fullmatch(r"\s*0*[1-9][0-9]{,8}\s*(,\s*0*[1-9][0-9]{,8}\s*)*", text):
        usage(f"--input-shape: expected whole numbers of at least 1, such as 224,224,3, got {short(text)}")
    return [int(number) for number in text.split(",")]
